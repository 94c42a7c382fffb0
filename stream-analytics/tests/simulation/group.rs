//! A consumer group of the classic protocol: members, generations, eager rebalances, static members.

use std::collections::BTreeMap;

use crate::broker::LogId;
use crate::random::Random;

const SESSION_TIMEOUT_MS: i64 = 6_000;

pub type MemberId = u64;

#[derive(Default)]
pub struct Group {
    generation: i64,
    members: BTreeMap<MemberId, Member>,
    rebalancing: bool,
    last_id: MemberId,
}

struct Member {
    instance: Option<String>,
    heard_ms: i64,
    /// Ready for the next generation.
    joined: bool,
    assignment: Vec<LogId>,
}

/// How a member stands.
pub enum Standing {
    /// The group went on without it.
    Expelled,
    /// It has to give up its partitions and join again.
    Rebalancing,
    /// It waits for the others.
    Joined,
    /// It owns these in this generation.
    Assigned(i64, Vec<LogId>),
}

impl Group {
    /// A new member; one with the name of an earlier one takes its place.
    pub fn join(&mut self, instance: Option<&str>, now_ms: i64) -> MemberId {
        self.last_id += 1;
        let former = instance.and_then(|name| {
            let same = |member: &Member| member.instance.as_deref() == Some(name);
            self.members.iter().find(|(_, member)| same(member)).map(|(id, _)| *id)
        });
        let member = if let Some(former) = former.and_then(|id| self.members.remove(&id)) {
            Member { heard_ms: now_ms, joined: self.rebalancing, ..former }
        } else {
            self.rebalancing = true;
            Member { instance: instance.map(str::to_owned), heard_ms: now_ms, joined: true, assignment: vec![] }
        };
        self.members.insert(self.last_id, member);
        self.last_id
    }

    pub fn rejoin(&mut self, id: MemberId) {
        if let Some(member) = self.members.get_mut(&id) {
            member.joined = true;
        }
    }

    pub fn leave(&mut self, id: MemberId) {
        self.rebalancing |= self.members.remove(&id).is_some();
    }

    pub fn heartbeat(&mut self, id: MemberId, now_ms: i64) {
        if let Some(member) = self.members.get_mut(&id) {
            member.heard_ms = now_ms;
        }
    }

    pub fn rebalance(&mut self) {
        self.rebalancing = true;
    }

    pub fn is_current(&self, id: MemberId, generation: i64) -> bool {
        self.members.contains_key(&id) && generation == self.generation
    }

    pub fn standing(&self, id: MemberId) -> Standing {
        match self.members.get(&id) {
            None => Standing::Expelled,
            Some(member) if self.rebalancing && member.joined => Standing::Joined,
            Some(_) if self.rebalancing => Standing::Rebalancing,
            Some(member) => Standing::Assigned(self.generation, member.assignment.clone()),
        }
    }

    /// Expels who is silent, and begins a generation once all others have joined.
    pub fn advance(&mut self, now_ms: i64, partitions: &[LogId], random: &mut Random) {
        let before = self.members.len();
        self.members.retain(|_, member| now_ms - member.heard_ms <= SESSION_TIMEOUT_MS);
        self.rebalancing |= self.members.len() < before;
        if !self.rebalancing || self.members.is_empty() || self.members.values().any(|member| !member.joined) {
            return;
        }
        self.rebalancing = false;
        self.generation += 1;
        let mut members: Vec<&mut Member> = self.members.values_mut().collect();
        for member in &mut members {
            member.joined = false;
            member.assignment.clear();
        }
        for partition in partitions {
            let owner = random.index(members.len());
            members[owner].assignment.push(*partition);
        }
    }
}

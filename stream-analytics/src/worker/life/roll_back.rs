//! The end of a life that fails: what was not committed is thrown away, and then the worker begins anew, or ends for good.

use common::kafka::is_denial;
use rdkafka::error::RDKafkaErrorCode;

use super::{End, Life};
use crate::worker::error::WorkerError;
use crate::worker::outbound::Failure;
use crate::worker::{Identity, successor};

impl Life<'_> {
    /// Throws away what was not committed.
    pub(super) fn roll_back(&mut self, failure: Failure) -> Result<End, WorkerError> {
        let error = match failure {
            Failure::Fatal(error) => return self.ended_by(error),
            Failure::StartAgain(error) => {
                self.outbound.cause(error, &self.consumer, &self.offsets(&self.last_commit), self.patience)
            }
        };
        if is_denial(&error) {
            // Again would be as forbidden as now.
            return self.ended_by(WorkerError::Denied { reason: error.to_string() });
        }
        let fenced_now = error.rdkafka_error_code() == Some(RDKafkaErrorCode::FencedInstanceId);
        if fenced_now || successor::is_fenced(&self.consumer) {
            return self.ended_by(WorkerError::Replaced);
        }
        self.engine.revoke_all();
        self.measures.rolled_back();
        let Identity { number: worker, transactional_id, .. } = self.identity;
        tracing::info!(worker, transactional_id, %error, "rolling back what was not committed, and starting again");
        match self.outbound.abort(self.patience) {
            Ok(()) | Err(Failure::StartAgain(_)) => Ok(End::StartAgain),
            Err(Failure::Fatal(error)) => self.ended_by(error),
        }
    }

    /// What ends a worker for good. One that was fenced ends if a newer replica has its id; otherwise a session or a transaction
    /// outlived its timeout, for the broker was away or we were stopped, and it starts again.
    fn ended_by(&mut self, error: WorkerError) -> Result<End, WorkerError> {
        if !(error.is_fenced() || error.is_lost_transaction()) {
            self.outbound.abandon(self.patience);
            return Err(error);
        }
        self.engine.revoke_all();
        self.measures.rolled_back();
        if error.is_fenced() && self.has_successor(&error) {
            return Err(WorkerError::Replaced);
        }
        let Identity { number: worker, transactional_id, .. } = self.identity;
        tracing::warn!(worker, transactional_id, %error, "a session or a transaction outlived its timeout: starting again");
        Ok(End::StartAgain)
    }

    /// Whether a newer process has this worker's `--instance-id`: it has fenced both of our clients, and keeps the member
    /// alive.
    fn has_successor(&mut self, error: &WorkerError) -> bool {
        let Some(member) = &self.member else { return false };
        let both_fenced = if matches!(error, WorkerError::Replaced) {
            let offsets = self.offsets(&self.last_commit);
            self.outbound.is_fenced(&self.consumer, &offsets, self.patience)
        } else {
            successor::is_fenced_soon(&self.consumer, self.patience)
        };
        both_fenced && member.is_kept_alive(&self.consumer, self.patience)
    }
}

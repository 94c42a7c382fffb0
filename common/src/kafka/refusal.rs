//! Whether a broker lets a client in, and do what it asks for. The client tries on after either refusal, so that a question
//! just times out: only its events tell why.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::log::LogContext;

/// Events looked at in one go; a client that gets no answer has a few a second.
const EVENTS_LOOKED_AT: usize = 1_000;

/// Tells what a client has to say, as [`LogContext`] does, but keeps what [`refusal`] gives.
#[derive(Debug, Default)]
pub(super) struct RefusalContext {
    latest: Mutex<Option<String>>,
}

impl ClientContext for RefusalContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        LogContext.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        use RDKafkaErrorCode::{AllBrokersDown, Authentication, SSL};
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        match error.rdkafka_error_code() {
            Some(Authentication | SSL) => *latest = Some(reason.to_owned()),
            // They are there, but let nobody in.
            Some(AllBrokersDown) if latest.is_some() => {}
            _ => LogContext.error(error, reason),
        }
    }
}

impl ConsumerContext for RefusalContext {}

/// The latest refusal of a login since the last call, in the client's words, with the broker's name.
pub(super) fn refusal(client: &BaseConsumer<RefusalContext>) -> Option<String> {
    events(client).for_each(drop);
    client.context().latest.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// The first missing right that a consumer without an assignment has heard of.
pub fn denial<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> Option<KafkaError> {
    events(consumer).find(is_denial)
}

/// Whether the user lacks a right. Only an administrator can mend that.
pub fn is_denial(error: &KafkaError) -> bool {
    error.rdkafka_error_code().is_some_and(is_denial_code)
}

/// [`is_denial`] of a bare code.
pub fn is_denial_code(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{
        ClusterAuthorizationFailed, GroupAuthorizationFailed, TopicAuthorizationFailed,
        TransactionalIdAuthorizationFailed,
    };
    matches!(
        code,
        ClusterAuthorizationFailed
            | GroupAuthorizationFailed
            | TopicAuthorizationFailed
            | TransactionalIdAuthorizationFailed
    )
}

/// Errors that wait for a consumer. A poll that gives none may have met a log line: it is no end.
fn events<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> impl Iterator<Item = KafkaError> {
    (0..EVENTS_LOOKED_AT).filter_map(|_| consumer.poll(Duration::ZERO)?.err())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_login_is_kept_and_no_other_error_is() {
        let context = RefusalContext::default();
        let kept = || context.latest.lock().unwrap().clone();
        context.error(KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure), "connection refused");
        assert_eq!(kept(), None);
        context.error(KafkaError::Global(RDKafkaErrorCode::Authentication), "invalid credentials");
        context.error(KafkaError::Global(RDKafkaErrorCode::AllBrokersDown), "1/1 brokers are down");
        assert_eq!(kept().as_deref(), Some("invalid credentials"));
    }

    #[test]
    fn a_missing_right_is_told_from_a_broker_that_is_away() {
        assert!(is_denial(&KafkaError::MessageConsumption(RDKafkaErrorCode::GroupAuthorizationFailed)));
        assert!(!is_denial(&KafkaError::MessageConsumption(RDKafkaErrorCode::BrokerTransportFailure)));
        assert!(!is_denial(&KafkaError::Canceled));
    }
}

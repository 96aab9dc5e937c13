//! Leader election on a Lease: only its holder reconciles.
//!
//! A holder that cannot renew in time ends its process; Kubernetes starts it again as a follower.
//! Two leaders for a moment would do no harm beyond repeated effects: each status write is
//! conditioned on what was read.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::PostParams;
use kube::{Api, Client};

const LEASE: &str = "sabot-controller";
const LEASE_SECONDS: i32 = 10;
const RENEW_EVERY: Duration = Duration::from_secs(3);
const TRY_EVERY: Duration = Duration::from_secs(1);

/// One candidate.
pub struct Candidate {
    api: Api<Lease>,
    identity: String,
}

impl Candidate {
    /// A candidate for the lease in `namespace`, known by the pod's name.
    pub fn new(client: Client, namespace: &str, identity: String) -> Self {
        Self { api: Api::namespaced(client, namespace), identity }
    }

    /// Waits until this candidate leads.
    pub async fn acquire(&self) {
        let mut told = false;
        loop {
            match self.try_hold().await {
                Ok(true) => {
                    tracing::info!(identity = %self.identity, "leading");
                    return;
                }
                Ok(false) if !told => {
                    tracing::info!(identity = %self.identity, "another controller leads; waiting");
                    told = true;
                }
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "the lease cannot be read"),
            }
            tokio::time::sleep(TRY_EVERY).await;
        }
    }

    /// Renews the lease; returns when it is lost.
    pub async fn hold(&self) {
        let mut renewed = Timestamp::now();
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            match self.try_hold().await {
                Ok(true) => renewed = Timestamp::now(),
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, "the lease cannot be renewed");
                    if is_over(renewed, Timestamp::now()) {
                        return;
                    }
                }
            }
        }
    }

    /// Gives the lease up, so that the next controller need not wait for its end.
    pub async fn release(&self) {
        let Ok(Some(mut lease)) = self.api.get_opt(LEASE).await else { return };
        let Some(spec) = &mut lease.spec else { return };
        if spec.holder_identity.as_deref() == Some(&self.identity) {
            spec.holder_identity = None;
            spec.renew_time = None;
            let released = self.api.replace(LEASE, &PostParams::default(), &lease).await;
            tracing::info!(released = released.is_ok(), "leadership given up");
        }
    }

    async fn try_hold(&self) -> Result<bool, kube::Error> {
        let now = Timestamp::now();
        let Some(mut lease) = self.api.get_opt(LEASE).await? else {
            let lease = Lease {
                metadata: ObjectMeta { name: Some(LEASE.to_owned()), ..ObjectMeta::default() },
                spec: Some(self.claim(None, now)),
            };
            return settle(self.api.create(&PostParams::default(), &lease).await);
        };
        let held = lease.spec.as_ref();
        if !may_take(held, &self.identity, now) {
            return Ok(false);
        }
        lease.spec = Some(self.claim(held, now));
        settle(self.api.replace(LEASE, &PostParams::default(), &lease).await)
    }

    fn claim(&self, before: Option<&LeaseSpec>, now: Timestamp) -> LeaseSpec {
        let same = before.and_then(|spec| spec.holder_identity.as_deref()) == Some(&self.identity);
        let changes = before.and_then(|spec| spec.lease_transitions).unwrap_or(0);
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(LEASE_SECONDS),
            acquire_time: before
                .filter(|_| same)
                .and_then(|spec| spec.acquire_time.clone())
                .or(Some(MicroTime(now))),
            renew_time: Some(MicroTime(now)),
            lease_transitions: Some(if same { changes } else { changes + 1 }),
            ..LeaseSpec::default()
        }
    }
}

/// Somebody else was quicker: not an error.
fn settle(result: Result<Lease, kube::Error>) -> Result<bool, kube::Error> {
    match result {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn may_take(held: Option<&LeaseSpec>, identity: &str, now: Timestamp) -> bool {
    let Some(spec) = held else { return true };
    let Some(holder) = &spec.holder_identity else { return true };
    holder == identity || spec.renew_time.as_ref().is_none_or(|renewed| is_over(renewed.0, now))
}

fn is_over(renewed: Timestamp, now: Timestamp) -> bool {
    now.duration_since(renewed) >= SignedDuration::from_secs(i64::from(LEASE_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_taken_when_it_is_free_ones_own_or_over() {
        let now = Timestamp::from_second(1_000).unwrap();
        let held = |holder: &str, renewed: i64| LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            renew_time: Some(MicroTime(Timestamp::from_second(renewed).unwrap())),
            ..LeaseSpec::default()
        };
        assert!(may_take(None, "a", now));
        assert!(may_take(Some(&LeaseSpec::default()), "a", now));
        assert!(may_take(Some(&held("a", 999)), "a", now));
        assert!(may_take(Some(&held("b", 980)), "a", now));
        assert!(!may_take(Some(&held("b", 995)), "a", now));
    }
}

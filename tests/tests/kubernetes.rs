//! The manifests in `deploy/kubernetes`, read with Kubernetes' own types: a member that Kubernetes does not know, or a
//! value that it does not take, fails here and not in the cluster.
#![allow(clippy::unwrap_used, reason = "in a test, to fail is to say so")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::{Args, Command, CommandFactory, Parser};
use common::kafka::KafkaSettings;
use common::shutdown;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, PodSpec, Probe, Secret, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Everything in the folder, by kind.
#[derive(Default)]
struct Manifests {
    config_maps: Vec<ConfigMap>,
    secrets: Vec<Secret>,
    deployments: Vec<Deployment>,
    jobs: Vec<Job>,
    services: Vec<Service>,
    budgets: Vec<PodDisruptionBudget>,
    claims: Vec<PersistentVolumeClaim>,
}

fn manifests() -> Manifests {
    let mut all = Manifests::default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/kubernetes");
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for document in yaml_serde::Deserializer::from_str(&text) {
            let document = Value::deserialize(document).unwrap();
            let version = document["apiVersion"].as_str().unwrap();
            match (version, document["kind"].as_str().unwrap()) {
                ("v1", "ConfigMap") => all.config_maps.push(typed(&document)),
                ("v1", "Secret") => all.secrets.push(typed(&document)),
                ("v1", "Service") => all.services.push(typed(&document)),
                ("v1", "PersistentVolumeClaim") => all.claims.push(typed(&document)),
                ("apps/v1", "Deployment") => all.deployments.push(typed(&document)),
                ("batch/v1", "Job") => all.jobs.push(typed(&document)),
                ("policy/v1", "PodDisruptionBudget") => all.budgets.push(typed(&document)),
                (version, kind) => panic!("{version} {kind} is not looked at here"),
            }
        }
    }
    all
}

/// The document as Kubernetes' type. What that type does not know would be gone when it is written again.
fn typed<T: DeserializeOwned + serde::Serialize>(document: &Value) -> T {
    let value: T = serde_json::from_value(document.clone()).unwrap_or_else(|error| panic!("{error} in {document}"));
    let kept = serde_json::to_value(&value).unwrap();
    assert_within(document, &kept, "");
    value
}

fn assert_within(part: &Value, whole: &Value, path: &str) {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            for (name, value) in part {
                let path = format!("{path}.{name}");
                assert_within(
                    value,
                    whole.get(name).unwrap_or_else(|| panic!("Kubernetes does not know {path}")),
                    &path,
                );
            }
        }
        (Value::Array(part), Value::Array(whole)) => {
            assert_eq!(part.len(), whole.len(), "{path}");
            part.iter().zip(whole).for_each(|(part, whole)| assert_within(part, whole, path));
        }
        _ => assert_eq!(part, whole, "{path}"),
    }
}

/// The pods of all Deployments and Jobs, by name, with their labels.
fn pods(manifests: &Manifests) -> BTreeMap<String, (BTreeMap<String, String>, PodSpec)> {
    let deployments = manifests.deployments.iter().map(|one| (&one.metadata, &one.spec.as_ref().unwrap().template));
    let jobs = manifests.jobs.iter().map(|one| (&one.metadata, &one.spec.as_ref().unwrap().template));
    deployments
        .chain(jobs)
        .map(|(metadata, template)| {
            let labels = template.metadata.clone().unwrap().labels.unwrap();
            (metadata.name.clone().unwrap(), (labels, template.spec.clone().unwrap()))
        })
        .collect()
}

#[test]
fn every_service_has_its_manifest() {
    let names: BTreeSet<_> = pods(&manifests()).into_keys().collect();
    assert_eq!(names, ["batch-cleaner", "producer", "stream-analytics"].map(str::to_owned).into());
}

#[test]
fn no_pod_may_more_than_it_needs() {
    for (name, (_, pod)) in pods(&manifests()) {
        assert_eq!(pod.automount_service_account_token, Some(false), "{name}");
        let grace_s = pod.termination_grace_period_seconds.unwrap();
        assert!(grace_s > i64::try_from(shutdown::DEADLINE.as_secs()).unwrap(), "{name} is killed before it has ended");
        let security = pod.security_context.unwrap();
        assert_eq!(security.run_as_non_root, Some(true), "{name}");
        assert!(security.run_as_user > Some(0), "{name}");
        assert_eq!(security.seccomp_profile.unwrap().type_, "RuntimeDefault", "{name}");
        let [container] = &pod.containers[..] else { panic!("{name} has one container") };
        let security = container.security_context.clone().unwrap();
        assert_eq!(security.allow_privilege_escalation, Some(false), "{name}");
        assert_eq!(security.read_only_root_filesystem, Some(true), "{name}");
        assert_eq!(security.capabilities.unwrap().drop.unwrap(), ["ALL"], "{name}");
        let resources = container.resources.clone().unwrap();
        assert!(resources.limits.unwrap().contains_key("memory"), "{name}");
        let requests = resources.requests.unwrap();
        assert!(requests.contains_key("memory") && requests.contains_key("cpu"), "{name}");
    }
}

#[test]
fn long_running_pods_are_probed_where_the_services_answer() {
    for deployment in manifests().deployments {
        let pod = deployment.spec.unwrap().template.spec.unwrap();
        let container = &pod.containers[0];
        let port = container.ports.as_ref().unwrap().iter().find(|port| port.name.as_deref() == Some("http")).unwrap();
        assert_eq!(port.container_port, 8080);
        let path = |probe: &Option<Probe>| probe.clone().unwrap().http_get.unwrap().path.unwrap();
        assert_eq!(path(&container.startup_probe), "/healthz");
        assert_eq!(path(&container.liveness_probe), "/healthz");
        assert_eq!(path(&container.readiness_probe), "/readyz");
    }
}

#[test]
fn what_selects_pods_finds_some() {
    let manifests = manifests();
    let pods = pods(&manifests);
    let finds = |selector: &BTreeMap<String, String>| {
        pods.values().any(|(labels, _)| selector.iter().all(|(name, value)| labels.get(name) == Some(value)))
    };
    for deployment in &manifests.deployments {
        assert!(finds(deployment.spec.as_ref().unwrap().selector.match_labels.as_ref().unwrap()));
    }
    for service in &manifests.services {
        assert!(finds(service.spec.as_ref().unwrap().selector.as_ref().unwrap()));
    }
    for budget in &manifests.budgets {
        assert!(finds(budget.spec.as_ref().unwrap().selector.as_ref().unwrap().match_labels.as_ref().unwrap()));
    }
    for (name, (_, pod)) in &pods {
        for volume in pod.volumes.iter().flatten() {
            if let Some(claim) = &volume.persistent_volume_claim {
                let names = manifests.claims.iter().filter_map(|claim| claim.metadata.name.as_ref());
                assert!(names.collect::<Vec<_>>().contains(&&claim.claim_name), "{name}");
            }
        }
    }
}

/// Environment variables that a command reads.
fn variables(command: &Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(|flag| flag.get_env()?.to_str()).map(str::to_owned);
    own.chain(command.get_subcommands().flat_map(variables)).collect()
}

#[test]
fn the_services_understand_what_they_are_told() {
    let manifests = manifests();
    let pods = pods(&manifests);
    let arguments = |name: &str| pods[name].1.containers[0].args.clone().unwrap_or_default();

    stream_analytics::config::Cli::try_parse_from(
        [vec!["stream-analytics".to_owned()], arguments("stream-analytics")].concat(),
    )
    .unwrap();
    let producer = arguments("producer");
    assert_eq!(producer[0], "receipts");
    producer::ReceiptsArgs::from_flags(&producer[1..]).unwrap();
    batch_cleaner::Args::try_parse_from([vec!["batch-cleaner".to_owned()], arguments("batch-cleaner")].concat())
        .unwrap();

    // Each setting is one that some service knows; each service is told where the brokers are.
    let known = [
        variables(&stream_analytics::config::Cli::command()),
        variables(&producer::ReceiptsArgs::augment_args(Command::new("producer"))),
        variables(&batch_cleaner::Args::command()),
    ];
    let [settings] = &manifests.config_maps[..] else { panic!("one ConfigMap") };
    let told = settings.data.as_ref().unwrap();
    for variable in told.keys() {
        assert!(known.iter().any(|known| known.contains(variable)), "nobody reads {variable}");
    }
    assert!(told.contains_key("RETAIL_BROKERS"));
    for (name, (_, pod)) in &pods {
        let from = pod.containers[0].env_from.as_ref().unwrap()[0].config_map_ref.as_ref().unwrap();
        assert_eq!(Some(&from.name), settings.metadata.name.as_ref(), "{name}");
    }
}

#[test]
fn the_clients_properties_come_from_the_mounted_secret() {
    let manifests = manifests();
    let [secret] = &manifests.secrets[..] else { panic!("one Secret") };
    let told = Path::new(&manifests.config_maps[0].data.as_ref().unwrap()["RETAIL_KAFKA_CONFIG"]);
    let properties = &secret.string_data.as_ref().unwrap()[told.file_name().unwrap().to_str().unwrap()];
    let pairs = properties.lines().filter(|line| !line.starts_with('#'));
    KafkaSettings::with_overrides("broker:9092", pairs).unwrap();
    for (name, (_, pod)) in pods(&manifests) {
        let volume = pod.volumes.iter().flatten().find(|volume| volume.secret.is_some()).unwrap();
        assert_eq!(volume.secret.as_ref().unwrap().secret_name, secret.metadata.name, "{name}");
        let mounts = pod.containers[0].volume_mounts.iter().flatten();
        let mount = mounts.into_iter().find(|mount| mount.name == volume.name).unwrap();
        assert_eq!(Some(Path::new(&mount.mount_path)), told.parent(), "{name}");
    }
}

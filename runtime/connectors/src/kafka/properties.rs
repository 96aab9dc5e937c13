//! Properties of Kafka's own client, as Flink's tables have them, as those of ours.
//!
//! Most have the same names. Those that say how to connect safely do not: Java's client has one text
//! for who logs in, and stores for keys and certificates.

use super::PROPERTIES;
use crate::options::{OptionError, Options};

/// Options that mean nothing here, most of them properties of Kafka's own client alone, and why.
pub(super) const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("scan.topic-partition-discovery.interval", AT_THE_START),
    ("properties.key.deserializer", FORMATS),
    ("properties.value.deserializer", FORMATS),
    ("properties.key.serializer", FORMATS),
    ("properties.value.serializer", FORMATS),
    ("properties.max.poll.records", BY_BATCH),
    ("properties.default.api.timeout.ms", OWN_LIMITS),
    ("properties.max.block.ms", OWN_LIMITS),
    ("properties.buffer.memory", OWN_LIMITS),
    ("properties.partition.discovery.interval.ms", AT_THE_START),
    ("properties.zookeeper.connect", "brokers alone are asked"),
    ("properties.client.id.prefix", "clients are told apart by their brokers"),
];

const AT_THE_START: &str = "partitions are looked up when the job starts";
const FORMATS: &str = "formats say what messages are";
const BY_BATCH: &str = "what has come is taken at once";
const OWN_LIMITS: &str = "how long calls wait and what may be on its way has limits of its own";

/// Names that differ.
const RENAMED: &[(&str, &str)] = &[
    ("max.request.size", "message.max.bytes"),
    ("receive.buffer.bytes", "socket.receive.buffer.bytes"),
    ("send.buffer.bytes", "socket.send.buffer.bytes"),
    ("ssl.truststore.certificates", "ssl.ca.pem"),
    ("ssl.keystore.certificate.chain", "ssl.certificate.pem"),
    ("ssl.keystore.key", "ssl.key.pem"),
];

const LOGIN: &str = "sasl.jaas.config";
const IDENTIFICATION: &str = "ssl.endpoint.identification.algorithm";

/// What the client library is told.
pub(super) fn of_library(options: &Options<'_>) -> Result<Vec<(String, String)>, OptionError> {
    let mut all = Vec::new();
    for (option, value) in options.map {
        let Some(name) = option.strip_prefix(PROPERTIES) else { continue };
        let is_ignored = WITHOUT_EFFECT.iter().any(|(known, _)| known == option);
        let renamed = RENAMED.iter().find(|(java, _)| *java == name);
        match name {
            _ if is_ignored || is_of_store(name) => {}
            LOGIN => {
                let (user, password) = login(value).ok_or_else(|| {
                    options.bad(
                        option,
                        "'...PlainLoginModule required username=\"...\" password=\"...\";', or that of \
                         ScramLoginModule: others cannot log in here",
                    )
                })?;
                all.push(("sasl.username".to_owned(), user));
                all.push(("sasl.password".to_owned(), password));
            }
            // Java's way to say none.
            IDENTIFICATION if value.is_empty() => {
                all.push((name.to_owned(), "none".to_owned()));
            }
            _ => {
                let name = renamed.map_or(name, |(_, ours)| ours);
                all.push((name.to_owned(), value.clone()));
            }
        }
    }
    all.extend(trusted(options)?);
    all.extend(own(options)?);
    Ok(all)
}

/// The user and the password of a login module that takes these.
fn login(text: &str) -> Option<(String, String)> {
    let (class, rest) = text.trim().split_once(char::is_whitespace)?;
    if !["PlainLoginModule", "ScramLoginModule"].contains(&class.rsplit('.').next()?) {
        return None;
    }
    let (_, mut rest) = rest.trim_start().split_once(char::is_whitespace)?;
    let (mut user, mut password) = (None, None);
    while let Some((name, value)) = rest.split_once('=') {
        let value = value.trim_start();
        let quote = value.chars().next()?;
        let end = |c: char| c.is_whitespace() || c == ';';
        let (value, next) = match quote {
            '"' | '\'' => value[1..].split_once(quote)?,
            _ => value.split_at(value.find(end).unwrap_or(value.len())),
        };
        match name.trim() {
            "username" => user = Some(value.to_owned()),
            "password" => password = Some(value.to_owned()),
            _ => {}
        }
        rest = next;
    }
    user.zip(password)
}

/// How a file keeps keys and certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pem,
    Pkcs12,
    /// Of Java alone.
    Jks,
}

/// Whether a property says where a store is, and how it is read.
fn is_of_store(name: &str) -> bool {
    let of = |store| name.strip_prefix(store);
    let what = of("ssl.truststore.").or_else(|| of("ssl.keystore."));
    matches!(what, Some("location" | "type" | "password"))
}

/// The file of a store, its kind, and the option that names it.
fn store<'o>(
    options: &Options<'o>,
    store: &str,
) -> Result<Option<(&'o str, Kind, String)>, OptionError> {
    let option = |what: &str| format!("{PROPERTIES}ssl.{store}.{what}");
    let (location, kind) = (option("location"), option("type"));
    let Some(file) = options.get(&location) else { return Ok(None) };
    let is = |end: &str| {
        let extension = file.rsplit('.').next().unwrap_or_default();
        extension.eq_ignore_ascii_case(end)
    };
    let all = [("pem", Kind::Pem), ("pkcs12", Kind::Pkcs12), ("jks", Kind::Jks)];
    let kind = options.one_of(&kind, &all)?.unwrap_or_else(|| {
        if is("jks") {
            Kind::Jks
        } else if is("p12") || is("pfx") {
            Kind::Pkcs12
        } else {
            Kind::Pem
        }
    });
    Ok(Some((file, kind, location)))
}

/// The certificates that brokers are trusted by.
fn trusted(options: &Options<'_>) -> Result<Option<(String, String)>, OptionError> {
    match store(options, "truststore")? {
        None => Ok(None),
        Some((file, Kind::Pem, _)) => Ok(Some(("ssl.ca.location".to_owned(), file.to_owned()))),
        Some((.., location)) => Err(options.bad(
            &location,
            "a file of certificates in PEM: 'keytool -list -rfc -keystore FILE' writes those of a store",
        )),
    }
}

/// The key and the certificate of this side.
fn own(options: &Options<'_>) -> Result<Vec<(String, String)>, OptionError> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    match store(options, "keystore")? {
        None => Ok(Vec::new()),
        Some((file, Kind::Pem, _)) => {
            Ok(vec![pair("ssl.certificate.location", file), pair("ssl.key.location", file)])
        }
        Some((file, Kind::Pkcs12, _)) => {
            let password = options.get(&format!("{PROPERTIES}ssl.keystore.password"));
            let password = password.map(|password| pair("ssl.keystore.password", password));
            Ok([pair("ssl.keystore.location", file)].into_iter().chain(password).collect())
        }
        Some((_, Kind::Jks, location)) => Err(options.bad(
            &location,
            "a file in PEM or PKCS12: 'keytool -importkeystore -srckeystore FILE -destkeystore FILE.p12 \
             -deststoretype PKCS12' makes one",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<BTreeMap<String, String>, String> {
        let map = pairs
            .iter()
            .map(|(name, value)| (format!("{PROPERTIES}{name}"), (*value).to_owned()))
            .collect();
        let options = Options { table: "t", map: &map };
        of_library(&options).map(BTreeMap::from_iter).map_err(|error| error.to_string())
    }

    fn is(pairs: &[(&str, &str)], expected: &[(&str, &str)]) {
        let expected =
            expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        assert_eq!(of(pairs), Ok(expected.collect()), "{pairs:?}");
    }

    #[test]
    fn who_logs_in_is_read_as_java_has_it() {
        let plain = "org.apache.kafka.common.security.plain.PlainLoginModule";
        let user = [("sasl.password", "p w;"), ("sasl.username", "u=1")];
        is(&[(LOGIN, &format!("{plain} required username=\"u=1\" password='p w;';"))], &user);
        let scram =
            "org.apache.flink.kafka.shaded.org.apache.kafka.common.security.scram.ScramLoginModule";
        let text =
            format!(" {scram}\n  required serviceName=\"x\"\n  password=\"p w;\" username = u=1 ;");
        is(&[(LOGIN, &text)], &user);
        for wrong in [
            "",
            "PlainLoginModule",
            "PlainLoginModule required username=\"u\";",
            "PlainLoginModule required username=\"u\" password=\"p;",
            "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true;",
        ] {
            let error = of(&[(LOGIN, wrong)]).unwrap_err();
            assert!(error.contains("ScramLoginModule"), "{wrong}: {error}");
        }
    }

    #[test]
    fn stores_are_files_that_the_library_reads() {
        is(&[("ssl.truststore.location", "ca.pem")], &[("ssl.ca.location", "ca.pem")]);
        is(
            &[("ssl.truststore.location", "ca.jks"), ("ssl.truststore.type", "PEM")],
            &[("ssl.ca.location", "ca.jks")],
        );
        is(
            &[("ssl.keystore.location", "own.p12"), ("ssl.keystore.password", "x")],
            &[("ssl.keystore.location", "own.p12"), ("ssl.keystore.password", "x")],
        );
        is(
            &[("ssl.keystore.location", "own"), ("ssl.key.password", "x")],
            &[
                ("ssl.certificate.location", "own"),
                ("ssl.key.location", "own"),
                ("ssl.key.password", "x"),
            ],
        );
        let error = of(&[("ssl.truststore.location", "ca.JKS")]).unwrap_err();
        assert!(error.contains("keytool -list -rfc"), "{error}");
        let error = of(&[("ssl.keystore.location", "own"), ("ssl.keystore.type", "JKS")]);
        assert!(error.unwrap_err().contains("keytool -importkeystore"));
    }

    #[test]
    fn others_are_renamed_left_out_or_as_they_are() {
        is(
            &[
                (IDENTIFICATION, ""),
                ("max.request.size", "1000"),
                ("max.poll.records", "5"),
                ("security.protocol", "SASL_SSL"),
            ],
            &[
                (IDENTIFICATION, "none"),
                ("message.max.bytes", "1000"),
                ("security.protocol", "SASL_SSL"),
            ],
        );
    }
}

//! Options of tables, whoever reads them.

/// Whether an option's value is a secret, as Flink tells by its key: it is shown to nobody.
pub fn is_secret(option: &str) -> bool {
    const PARTS: [&str; 11] = [
        "password",
        "secret",
        "account.key",
        "apikey",
        "api-key",
        "auth-params",
        "service-key",
        "token",
        "basic-auth",
        "jaas.config",
        "http-headers",
    ];
    PARTS.iter().any(|part| option.contains(part))
}

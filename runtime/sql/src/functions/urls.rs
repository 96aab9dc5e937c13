//! Functions of URLs, which are taken apart as Java's `URL` does it.

use std::fmt::Write;

use datafusion_expr::Expr;

use super::own::text_of;
use super::{Call, Entry, strings};
use crate::error::Result;

/// The functions of this file.
pub(super) const FUNCTIONS: &[Entry] = &[
    ("PARSE_URL", 2, 3, parse_url),
    ("URL_ENCODE", 1, 1, |c| {
        strings(c, &[0])?;
        Ok(text_of(c.name, "t", c.exprs(), |a, row| Some(encoded(a.text(0, row)?))))
    }),
    ("URL_DECODE", 1, 1, |c| {
        strings(c, &[0])?;
        Ok(text_of(c.name, "t", c.exprs(), |a, row| decoded(a.text(0, row)?)))
    }),
];

/// A part of a URL, or the value of a key in its query; NULL of what is no URL.
fn parse_url(call: &Call<'_>) -> Result<Expr> {
    strings(call, &[0, 1, 2])?;
    if call.arguments.len() == 2 {
        return Ok(text_of(call.name, "tt", call.exprs(), |a, row| {
            let (text, part) = (a.text(0, row)?, a.text(1, row)?);
            Url::of(text)?.part(part)
        }));
    }
    Ok(text_of("PARSE_URL_key", "ttt", call.exprs(), |a, row| {
        let (text, part, key) = (a.text(0, row)?, a.text(1, row)?, a.text(2, row)?);
        let query = (part == "QUERY").then(|| Url::of(text)?.part(part)).flatten()?;
        let value = |pair: &str| pair.strip_prefix(key)?.strip_prefix('=').map(str::to_owned);
        query.split('&').find_map(value)
    }))
}

/// A URL's parts.
struct Url<'t> {
    protocol: String,
    authority: Option<&'t str>,
    user: Option<&'t str>,
    host: &'t str,
    path: String,
    query: Option<&'t str>,
    reference: Option<&'t str>,
}

/// Those that Java knows.
const PROTOCOLS: [&str; 6] = ["http", "https", "ftp", "file", "mailto", "jar"];

impl<'t> Url<'t> {
    fn of(text: &'t str) -> Option<Self> {
        let text = text.trim_matches(|c: char| c <= ' ');
        let (protocol, rest) = text.split_once(':')?;
        let protocol = protocol.to_ascii_lowercase();
        if !PROTOCOLS.contains(&protocol.as_str()) {
            return None;
        }
        let (rest, reference) = cut(rest, '#');
        let (rest, query) = cut(rest, '?');
        let (authority, path) = match rest.strip_prefix("//") {
            None => (None, rest),
            Some(rest) => {
                let end = rest.find('/').unwrap_or(rest.len());
                (Some(&rest[..end]), &rest[end..])
            }
        };
        let (user, address) = match authority.unwrap_or_default().split_once('@') {
            // Two of them are none.
            Some((_, address)) if address.contains('@') => (None, ""),
            Some((user, address)) => (Some(user), address),
            None => (None, authority.unwrap_or_default()),
        };
        let host = host(address)?;
        let path = straight(path);
        Some(Self { protocol, authority, user, host, path, query, reference })
    }

    fn part(self, name: &str) -> Option<String> {
        Some(match name {
            "PROTOCOL" => self.protocol,
            "AUTHORITY" => self.authority?.to_owned(),
            "USERINFO" => self.user?.to_owned(),
            "HOST" => self.host.to_owned(),
            "PATH" => self.path,
            "QUERY" => self.query?.to_owned(),
            "REF" => self.reference?.to_owned(),
            "FILE" => match self.query {
                Some(query) => format!("{}?{query}", self.path),
                None => self.path,
            },
            _ => return None,
        })
    }
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, behind)| (before, Some(behind)))
}

/// The host without its port, which is a number if it is there.
fn host(address: &str) -> Option<&str> {
    let end = match address.starts_with('[') {
        true => address.find(']')? + 1,
        false => address.find(':').unwrap_or(address.len()),
    };
    let (host, port) = address.split_at(end);
    let is_port = match port.strip_prefix(':') {
        None => port.is_empty(),
        Some(port) => port.is_empty() || port.parse::<u32>().is_ok(),
    };
    is_port.then_some(host)
}

/// A path without `.`, and without `..` and what they lead out of.
fn straight(path: &str) -> String {
    let mut path = path.to_owned();
    while let Some(at) = path.find("/./") {
        path.replace_range(at..at + 2, "");
    }
    let mut from = 0;
    while let Some(at) = path[from..].find("/../").map(|at| at + from) {
        let before = path[..at].rfind('/').filter(|before| !path[*before..].starts_with("/../"));
        match before {
            Some(before) => {
                path.replace_range(before..at + 3, "");
                from = 0;
            }
            None => from = at + 3,
        }
    }
    while let Some(head) = path.strip_suffix("/..") {
        match head.rfind('/') {
            Some(before) => path.truncate(before + 1),
            None => break,
        }
    }
    if path.ends_with("/.") {
        path.pop();
    }
    path
}

/// As a form is sent: a blank is a plus.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'-' | b'_' | b'.' | b'*' => out.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            // Writing to a String cannot fail.
            byte => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

/// The other way round; none where a `%` has no two digits behind it.
fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['+', '%']) {
        let (before, behind) = rest.split_at(at);
        out.extend_from_slice(before.as_bytes());
        if let Some(behind) = behind.strip_prefix('+') {
            out.push(b' ');
            rest = behind;
            continue;
        }
        let digits = behind.get(1..3).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        out.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &behind[3..];
    }
    out.extend_from_slice(rest.as_bytes());
    Some(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_straight() {
        for (path, straightened) in [
            ("/a/./b", "/a/b"),
            ("/a/../c", "/c"),
            ("/../c", "/../c"),
            ("/a/b/..", "/a/"),
            ("/a/.", "/a/"),
            ("", ""),
        ] {
            assert_eq!(straight(path), straightened, "{path}");
        }
    }
}

//! What a column's declaration says and its type does not: how long texts and bytes are, and what
//! is a MULTISET.
//!
//! Arrow's types have no lengths, and queries do not need them. A connector that makes values does:
//! for it a type is walked together with the tokens that declared it.

use arrow::datatypes::DataType;
use sabot_core::partitions::DeclaredType;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{ColumnDef, ColumnDefKind};
use crate::tokens::is_word;
use crate::types::{entries_of, flink_name};

/// The types of the connector's columns and of everything within them, as they were declared.
pub(crate) fn types_of(columns: &[ColumnDef]) -> Vec<DeclaredType> {
    let mut types = Vec::new();
    for column in columns {
        let ColumnDefKind::Physical { data_type, nullable } = &column.kind else { continue };
        let mut tokens = Written::new(&column.written);
        let written = tokens.read();
        add(&mut types, std::slice::from_ref(&column.name.value), (data_type, *nullable), &written);
    }
    types
}

/// A type as its tokens have it.
#[derive(Debug)]
enum Type {
    /// One that has no other in it: its name and the first number behind it.
    Single(String, Option<u64>),
    Row(Vec<Type>),
    Array(Box<Type>),
    Multiset(Box<Type>),
    Map(Box<(Type, Type)>),
}

/// The tokens of a type that was read before, so that they are well formed.
struct Written {
    tokens: Vec<TokenWithSpan>,
    at: usize,
}

impl Written {
    fn new(tokens: &[TokenWithSpan]) -> Self {
        let mut apart = Vec::with_capacity(tokens.len());
        for token in tokens {
            if token.token == Token::ShiftRight {
                apart.extend(vec![TokenWithSpan { token: Token::Gt, span: token.span }; 2]);
            } else {
                apart.push(token.clone());
            }
        }
        Self { tokens: apart, at: 0 }
    }

    fn read(&mut self) -> Type {
        let name = self.next().map(|token| token.to_string().to_uppercase()).unwrap_or_default();
        let mut found = match name.as_str() {
            "ROW" => Type::Row(self.row()),
            "ARRAY" => Type::Array(Box::new(self.first_within())),
            "MULTISET" => Type::Multiset(Box::new(self.first_within())),
            "MAP" => {
                let key = self.first_within();
                Type::Map(Box::new((key, self.within().0)))
            }
            _ => self.single(name),
        };
        loop {
            found = if self.is_word("ARRAY") {
                Type::Array(Box::new(found))
            } else if self.is_word("MULTISET") {
                Type::Multiset(Box::new(found))
            } else {
                return found;
            };
            self.at += 1;
        }
    }

    fn row(&mut self) -> Vec<Type> {
        let mut fields = Vec::new();
        let mut goes_on = true;
        self.next();
        while goes_on {
            // The field's name.
            self.next();
            let field;
            (field, goes_on) = self.within();
            fields.push(field);
        }
        fields
    }

    fn first_within(&mut self) -> Type {
        self.next();
        self.within().0
    }

    /// Reads a type within another one, up to the comma or bracket behind it; whether it is a comma.
    fn within(&mut self) -> (Type, bool) {
        let found = self.read();
        while let Some(token) = self.next() {
            match token {
                Token::Comma => return (found, true),
                Token::Gt | Token::RParen => break,
                // NOT NULL, or a comment.
                _ => {}
            }
        }
        (found, false)
    }

    fn single(&mut self, name: String) -> Type {
        let mut number = None;
        if matches!(self.tokens.get(self.at), Some(token) if token.token == Token::LParen) {
            while let Some(token) = self.next() {
                match token {
                    Token::Number(text, _) if number.is_none() => number = text.parse().ok(),
                    Token::RParen => break,
                    _ => {}
                }
            }
        }
        let behind = ["PRECISION", "WITH", "WITHOUT", "LOCAL", "TIME", "ZONE"];
        while behind.iter().any(|word| self.is_word(word)) {
            self.at += 1;
        }
        Type::Single(name, number)
    }

    fn is_word(&self, word: &str) -> bool {
        self.tokens.get(self.at).is_some_and(|token| is_word(token, word))
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).map(|token| token.token.clone());
        self.at += 1;
        token
    }
}

/// Adds a type under its path, then those that are in it. Where no tokens tell more (a column of a
/// query), the type alone says it.
fn add(
    types: &mut Vec<DeclaredType>,
    path: &[String],
    (data_type, nullable): (&DataType, bool),
    written: &Type,
) {
    let unknown = Type::Single(String::new(), None);
    let below = |name: &str| [path, &[name.to_owned()]].concat();
    let mut parts: Vec<(Vec<String>, (&DataType, bool), &Type)> = Vec::new();
    let name = match data_type {
        DataType::Struct(fields) => {
            let of = |at: usize| match written {
                Type::Row(fields) => fields.get(at).unwrap_or(&unknown),
                _ => &unknown,
            };
            for (at, field) in fields.iter().enumerate() {
                let part = (field.data_type(), field.is_nullable());
                parts.push((below(field.name()), part, of(at)));
            }
            "ROW".to_owned()
        }
        DataType::List(item) => {
            let of = if let Type::Array(of) = written { of } else { &unknown };
            parts.push((below("element"), (item.data_type(), item.is_nullable()), of));
            "ARRAY".to_owned()
        }
        DataType::Map(..) => {
            let [key, value] = match entries_of(data_type) {
                Some(entries) => entries.map(|entry| (entry.data_type(), entry.is_nullable())),
                None => return,
            };
            match written {
                Type::Multiset(of) => {
                    parts.push((below("element"), key, of));
                    "MULTISET".to_owned()
                }
                _ => {
                    let of = if let Type::Map(of) = written { Some(of) } else { None };
                    parts.push((below("key"), key, of.map_or(&unknown, |of| &of.0)));
                    parts.push((below("value"), value, of.map_or(&unknown, |of| &of.1)));
                    "MAP".to_owned()
                }
            }
        }
        DataType::Utf8 | DataType::Binary => match written {
            Type::Single(name, number)
                if matches!(name.as_str(), "CHAR" | "VARCHAR" | "BINARY" | "VARBINARY") =>
            {
                format!("{name}({})", number.unwrap_or(1))
            }
            _ => flink_name(data_type),
        },
        other => flink_name(other),
    };
    types.push(DeclaredType { path: path.to_vec(), name, nullable });
    for (path, part, written) in parts {
        add(types, &path, part, written);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ddl::create_table;
    use crate::dialect::FlinkDialect;
    use crate::error::Position;
    use crate::tokens::tokenize;
    use sqlparser::parser::Parser;

    fn types(columns: &str) -> Vec<String> {
        let tokens = tokenize(&format!("t ({columns}) WITH ('connector' = 'x')")).unwrap();
        let mut parser = Parser::new(&FlinkDialect).with_tokens_with_locations(tokens.list);
        let table = create_table(&mut parser, Position { line: 1, column: 1 }).unwrap();
        let text = |of: DeclaredType| {
            let not_null = if of.nullable { "" } else { " NOT NULL" };
            format!("{} {}{not_null}", of.path.join("."), of.name)
        };
        types_of(&table.columns).into_iter().map(text).collect()
    }

    #[test]
    fn lengths_are_those_of_the_declaration() {
        let found =
            types("a VARCHAR(20) NOT NULL, b CHAR, c STRING, d VARBINARY(7), e BYTES, f INT");
        let wanted =
            ["a VARCHAR(20) NOT NULL", "b CHAR(1)", "c STRING", "d VARBINARY(7)", "e BYTES"];
        assert_eq!(found[..5], wanted);
        assert_eq!(found[5], "f INT");
    }

    #[test]
    fn types_within_others_have_paths() {
        let found = types(
            "r ROW<char CHAR(2) NOT NULL COMMENT 'x', `in` ROW(a VARCHAR(3), b DOUBLE PRECISION)>,
             l ARRAY<CHAR(4)> ARRAY, m MAP<VARCHAR(5), ARRAY<BINARY(6)>>, s MULTISET<CHAR(7)>,
             t CHAR(8) MULTISET, u DECIMAL(5, 2), v TIMESTAMP(3) WITH LOCAL TIME ZONE",
        );
        let wanted = [
            "r ROW",
            "r.char CHAR(2) NOT NULL",
            "r.in ROW",
            "r.in.a VARCHAR(3)",
            "r.in.b DOUBLE",
            "l ARRAY",
            "l.element ARRAY",
            "l.element.element CHAR(4)",
            "m MAP",
            "m.key VARCHAR(5) NOT NULL",
            "m.value ARRAY",
            "m.value.element BINARY(6)",
            "s MULTISET",
            "s.element CHAR(7) NOT NULL",
            "t MULTISET",
            "t.element CHAR(8) NOT NULL",
            "u DECIMAL(5, 2)",
            "v TIMESTAMP_LTZ(3)",
        ];
        assert_eq!(found, wanted);
    }
}

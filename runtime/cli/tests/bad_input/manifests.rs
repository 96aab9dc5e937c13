//! Manifests and statements.

use super::table::{CONFIG, Case, Fault, check};

#[test]
fn a_wrong_manifest_or_statement_is_refused_with_its_place_and_remedy() {
    const BOTH: &[&str] = &["validate job.yaml", "run job.yaml"];
    check(&[
        Case {
            name: "unknown connector",
            fault: Fault::Edit("'nexmark'", "'nexmrk'"),
            commands: BOTH,
            code: CONFIG,
            says: &[
                "job.yaml: spec.program.sql.inline: line 1, column 14: table bids: unknown \
                     connector 'nexmrk'",
                "did you mean 'nexmark'?",
            ],
        },
        Case {
            name: "unknown option",
            fault: Fault::Edit("'number-of-rows'", "'number-of-row'"),
            commands: BOTH,
            code: CONFIG,
            says: &[
                "line 1, column 14: table bids: unknown option 'number-of-row' of connector",
                "did you mean 'number-of-rows'?",
            ],
        },
        Case {
            name: "option of a column that is not there",
            fault: Fault::Edit(
                "'nexmark', 'number-of-rows' = '60000', 'rows-per-second' = '0'",
                "'datagen', 'number-of-rows' = '60000', 'fields.prize.min' = '0'",
            ),
            commands: BOTH,
            code: CONFIG,
            says: &[
                "line 1, column 14: table bids: option 'fields.prize.min' is of no column",
                "did you mean 'price'?",
            ],
        },
        Case {
            name: "missing column",
            fault: Fault::Edit("SUM(price)", "SUM(prize)"),
            commands: BOTH,
            code: CONFIG,
            says: &[
                "line 10, column 45: column \"prize\" does not exist",
                "did you mean \"price\"?",
            ],
        },
        Case {
            name: "type mismatch",
            fault: Fault::Edit("bids BIGINT, price", "bids STRING, price"),
            commands: BOTH,
            code: CONFIG,
            says: &[
                "line 10, column 31: column \"bids\" of table \"results\" is STRING, the query \
                     gives BIGINT",
                "use CAST(COUNT(*) AS STRING)",
            ],
        },
        Case {
            name: "a MAP whose keys are no texts into JSON",
            fault: Fault::Edit(
                "INSERT INTO results",
                "CREATE TABLE maps (m MAP<BIGINT, INT>) WITH ('connector' = 'filesystem', \
                     'format' = 'debezium-json', 'path' = '/nowhere'); \
                     INSERT INTO maps SELECT MAP[price, 1] FROM bids; INSERT INTO results",
            ),
            commands: BOTH,
            code: CONFIG,
            says: &[
                "line 9, column 14: table maps: column 'm' has a MAP with keys of the type BIGINT",
                "the keys of JSON objects are texts, use MAP<STRING, ...>",
            ],
        },
        Case {
            name: "rows that change into a sink that cannot write them",
            fault: Fault::Edit("GROUP BY window_start, window_end", "GROUP BY window_start"),
            commands: BOTH,
            code: CONFIG,
            says: &[
                "table results: the rows that are written to it change and go (+I, -U, +U, -D), \
                     which connector 'filesystem' with this format cannot write",
                "use 'print', 'blackhole' or 'format' = 'debezium-json'",
            ],
        },
        Case {
            name: "windows that change after they have fired into such a sink",
            fault: Fault::Edit(
                "INSERT INTO results",
                "SET 'table.exec.emit.late-fire.enabled' = 'true'; \
                     SET 'table.exec.emit.late-fire.delay' = '0 s'; \
                     SET 'table.exec.emit.allow-lateness' = '1 s'; INSERT INTO results",
            ),
            commands: BOTH,
            code: CONFIG,
            says: &[
                "table results: the rows that are written to it change and go (+I, -U, +U, -D)",
            ],
        },
        Case {
            name: "a lateness without a delay",
            fault: Fault::Edit(
                "INSERT INTO results",
                "SET 'table.exec.emit.late-fire.enabled' = 'true'; INSERT INTO results",
            ),
            commands: &["validate job.yaml"],
            code: CONFIG,
            says: &[
                "line 9, column 5: 'table.exec.emit.late-fire.enabled' needs a delay",
                "SET 'table.exec.emit.late-fire.delay' = '0 s'",
            ],
        },
        Case {
            name: "syntax error",
            fault: Fault::Edit("GROUP BY window_start", "GROUP window_start"),
            commands: BOTH,
            code: CONFIG,
            says: &[
                "line 12, column 1: expected the end of the statement, found: GROUP",
                "statements are separated by semicolons",
            ],
        },
        Case {
            name: "unknown field",
            fault: Fault::Edit("keyGroups:", "keyGroup:"),
            commands: BOTH,
            code: CONFIG,
            says: &["job.yaml: line 7: spec.keyGroup: unknown field", "did you mean keyGroups"],
        },
        Case {
            name: "parallelism over key groups",
            fault: Fault::Edit("parallelism: 2", "parallelism: 17"),
            commands: BOTH,
            code: CONFIG,
            says: &[
                "job.yaml: line 6: spec.parallelism: 17 is above keyGroups (16)",
                "use at most 16",
            ],
        },
        Case {
            name: "parallelism over key groups on the command line",
            fault: Fault::Command,
            commands: &["run job.yaml --parallelism 17"],
            code: CONFIG,
            says: &["parallelism 17 is out of range", "use 1 to 16"],
        },
        Case {
            name: "other key groups than the state has",
            fault: Fault::Edit("keyGroups: 16", "keyGroups: 32"),
            commands: &["run job.yaml"],
            code: CONFIG,
            says: &["/state has 16 key groups, the job has 32", "set spec.keyGroups to 16"],
        },
        Case {
            name: "a statement that leaves the state behind",
            fault: Fault::Edit("INTERVAL '1' SECOND))", "INTERVAL '2' SECOND))"),
            commands: &["run job.yaml"],
            code: CONFIG,
            says: &[
                "/state holds state that the job cannot go on with",
                "sink:results/tumble(bids.ts,1000,0)/by(auction)",
                "bring the operator back, or set spec.acknowledgeStateLoss to true",
            ],
        },
    ]);
}

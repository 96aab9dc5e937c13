package dev.sabot.flink;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.table.api.bridge.java.StreamStatementSet;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

/** The statements of a job: declarations, and what is inserted. */
final class Statements {
    private static final Pattern INSERT = Pattern.compile("INSERT\\s+INTO\\s+(\\S+)", Pattern.CASE_INSENSITIVE);

    private final List<String> declarations = new ArrayList<>();
    private final List<String> inserts = new ArrayList<>();
    private final List<String> tables = new ArrayList<>();

    /** Statements end with a semicolon at a line's end. */
    Statements(String sql) {
        for (String statement : sql.replaceAll("(?m)^\\s*--.*$", "").split(";[ \\t]*(\\n|$)")) {
            if (statement.isBlank()) {
                continue;
            }
            Matcher insert = INSERT.matcher(statement.strip());
            if (insert.lookingAt()) {
                inserts.add(statement);
                tables.add(insert.group(1).replace("`", ""));
            } else {
                declarations.add(statement);
            }
        }
    }

    /** The tables that are written, in the order of the statements. */
    List<String> tables() {
        return tables;
    }

    /** Plans everything, as one job of the stream environment. */
    void plan(StreamTableEnvironment tables) {
        tables.createTemporarySystemFunction("count_char", CountChar.class);
        declarations.forEach(tables::executeSql);
        StreamStatementSet set = tables.createStatementSet();
        inserts.forEach(set::addInsertSql);
        set.attachAsDataStream();
    }
}

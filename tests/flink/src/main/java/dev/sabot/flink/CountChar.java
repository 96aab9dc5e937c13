package dev.sabot.flink;

import org.apache.flink.table.functions.ScalarFunction;

/** How often a letter is in a text: the function that query 14 brings, as the Nexmark project has it. */
public final class CountChar extends ScalarFunction {
    public Long eval(String text, String letter) {
        if (text == null || letter == null) {
            return null;
        }
        long count = 0;
        for (int i = 0; letter.length() == 1 && i < text.length(); i++) {
            if (text.charAt(i) == letter.charAt(0)) {
                count++;
            }
        }
        return count;
    }
}

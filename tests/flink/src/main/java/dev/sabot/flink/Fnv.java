package dev.sabot.flink;

/** The hash FNV-1a of 64 bits. */
final class Fnv {
    static final long OFFSET = 0xcbf29ce484222325L;
    private static final long PRIME = 0x100000001b3L;

    private Fnv() {}

    static long add(long hash, byte[] bytes) {
        for (byte b : bytes) {
            hash = add(hash, b);
        }
        return hash;
    }

    static long add(long hash, byte b) {
        return (hash ^ (b & 0xff)) * PRIME;
    }
}

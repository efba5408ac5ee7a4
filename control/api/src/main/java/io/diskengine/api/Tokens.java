package io.diskengine.api;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The API tokens of a file: one on each line, at least {@value #MIN_CHARS} characters without
 * spaces; empty lines and lines that start with {@code #} do not count. Only the owner may have any
 * right on the file.
 */
public final class Tokens {
  public static final int MIN_CHARS = 16;
  private static final int MAX_TOKENS = 1_000;
  private static final String SCHEME = "Bearer ";

  private final List<byte[]> digests;

  private Tokens(List<byte[]> digests) {
    this.digests = digests;
  }

  /**
   * @throws IllegalArgumentException naming the file and what is wrong with it
   */
  public static List<String> read(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new IllegalArgumentException("token file " + file + ": there is no such file");
    }
    Set<PosixFilePermission> others = EnumSet.copyOf(Files.getPosixFilePermissions(file));
    others.removeAll(PosixFilePermissions.fromString("rwx------"));
    if (!others.isEmpty()) {
      throw new IllegalArgumentException(
          "token file " + file + " is open to others: chmod 600 " + file);
    }
    List<String> tokens =
        Files.readAllLines(file).stream()
            .map(String::strip)
            .filter(line -> !line.isEmpty() && !line.startsWith("#"))
            .toList();
    if (tokens.isEmpty() || tokens.size() > MAX_TOKENS) {
      throw new IllegalArgumentException(
          "token file " + file + " holds " + tokens.size() + " tokens: from 1 to " + MAX_TOKENS);
    }
    if (tokens.stream().anyMatch(t -> t.length() < MIN_CHARS || t.contains(" "))) {
      throw new IllegalArgumentException(
          "token file " + file + ": a token has at least " + MIN_CHARS + " characters, no spaces");
    }
    return tokens;
  }

  static Tokens of(Path file) throws IOException {
    return new Tokens(read(file).stream().map(Tokens::digest).toList());
  }

  /** Whether the value of an {@code Authorization} header carries one of the tokens. */
  boolean accept(@Nullable String authorization) {
    if (authorization == null
        || !authorization.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
      return false;
    }
    byte[] given = digest(authorization.substring(SCHEME.length()).strip());
    boolean accepted = false;
    for (byte[] digest : digests) {
      accepted |= MessageDigest.isEqual(digest, given);
    }
    return accepted;
  }

  private static byte[] digest(String token) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }
}

package io.diskengine.nvme;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * NVMe qualified names (NVMe Base 2.0, 4.5): {@code nqn.yyyy-mm.reverse.domain:name}, or {@code
 * nqn.2014-08.org.nvmexpress:uuid:} and a UUID, or the discovery service's. At most 223 bytes of
 * UTF-8. What is accepted, and the reasons, are those of SPDK's NVMe-oF target.
 */
public final class Nqn {
  public static final String DISCOVERY = "nqn.2014-08.org.nvmexpress.discovery";
  public static final String UUID_PREFIX = "nqn.2014-08.org.nvmexpress:uuid:";
  public static final int MIN_BYTES = 11;
  public static final int MAX_BYTES = 223;

  /** Of the field that holds an NQN on the wire, with at least one NUL. */
  public static final int FIELD_SIZE = 256;

  private static final int MAX_LABEL = 63;
  private static final Pattern UUID =
      Pattern.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}");
  private static final Pattern DATE = Pattern.compile("nqn\\.[0-9]{4}-[0-9]{2}\\.");
  private static final int DOMAIN_START = "nqn.yyyy-mm.".length();

  private Nqn() {}

  public static boolean isValid(String nqn) {
    return invalidReason(nqn).isEmpty();
  }

  public static boolean isDiscovery(String nqn) {
    return nqn.equals(DISCOVERY);
  }

  /** Why {@code nqn} is not a valid name; empty when it is. */
  public static Optional<String> invalidReason(String nqn) {
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(nqn) || nqn.indexOf('\0') >= 0) {
      return invalid(nqn, "it is not UTF-8 text");
    }
    int length = nqn.getBytes(StandardCharsets.UTF_8).length;
    if (length > MAX_BYTES) {
      return invalid(nqn, "length " + length + " > max " + MAX_BYTES);
    }
    if (length < MIN_BYTES) {
      return invalid(nqn, "length " + length + " < min " + MIN_BYTES);
    }
    if (nqn.equals(DISCOVERY)) {
      return Optional.empty();
    }
    if (nqn.startsWith(UUID_PREFIX)) {
      boolean matches = UUID.matcher(nqn.substring(UUID_PREFIX.length())).matches();
      return matches ? Optional.empty() : invalid(nqn, "uuid is not formatted correctly");
    }
    if (!nqn.startsWith("nqn.")) {
      return invalid(nqn, "NQN must begin with \"nqn.\"");
    }
    if (!DATE.matcher(nqn).lookingAt()) {
      return invalid(nqn, "the date code is not yyyy-mm");
    }
    int colon = nqn.indexOf(':');
    if (colon < 0 || colon == nqn.length() - 1) {
      return invalid(nqn, "NQN must contain user specified name with a ':' as a prefix");
    }
    return domainProblem(nqn.substring(DOMAIN_START, colon)).flatMap(why -> invalid(nqn, why));
  }

  /**
   * Labels of letters, digits and inner hyphens that start with a letter. As in SPDK, an empty
   * domain and a trailing dot pass.
   */
  private static Optional<String> domainProblem(String domain) {
    for (String label : domain.split("\\.", 0)) {
      if (label.isEmpty() && !domain.isEmpty() || !label.isEmpty() && !isLetter(label.charAt(0))) {
        return Optional.of("label names must start with a letter");
      }
      if (label.endsWith("-")) {
        return Optional.of("label names must end with an alphanumeric symbol");
      }
      if (!label.chars().allMatch(c -> isLetter(c) || c >= '0' && c <= '9' || c == '-')) {
        return Optional.of("label names must contain only [a-z,A-Z,0-9,'-','.']");
      }
      if (label.length() > MAX_LABEL) {
        return Optional.of("at least one label is too long");
      }
    }
    return Optional.empty();
  }

  private static boolean isLetter(int c) {
    return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z';
  }

  private static Optional<String> invalid(String nqn, String why) {
    return Optional.of("Invalid NQN \"" + nqn + "\": " + why);
  }
}

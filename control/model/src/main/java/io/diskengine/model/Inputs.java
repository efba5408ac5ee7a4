package io.diskengine.model;

import java.util.regex.Pattern;

/** Rules for values that users choose. Each returns the value or throws {@link InvalidInput}. */
public final class Inputs {
  public static final int MAX_REPLICAS = 3;
  public static final String VOLUME_NAME_RULE =
      "must be 1-63 characters a-z, 0-9, '.', '_' or '-', starting with a letter or digit";
  public static final String NODE_NAME_RULE =
      "must be 1-32 characters a-z, 0-9 or '-', starting with a letter";

  private static final Pattern VOLUME_NAME = Pattern.compile("[a-z0-9][a-z0-9._-]{0,62}");
  private static final Pattern NODE_NAME = Pattern.compile("[a-z][a-z0-9-]{0,31}");
  private static final Pattern CLUSTER_ID = Pattern.compile("[a-z0-9][a-z0-9-]{0,35}");
  private static final Pattern NQN_PREFIX =
      Pattern.compile("nqn\\.[0-9]{4}-(0[1-9]|1[0-2])\\.[a-z0-9.-]{1,90}");

  private Inputs() {}

  public static String volumeName(String name) {
    return matching("volume name", name, VOLUME_NAME, VOLUME_NAME_RULE);
  }

  public static String nodeName(String name) {
    return matching("node name", name, NODE_NAME, NODE_NAME_RULE);
  }

  /** A failure domain follows the rule of volume names. */
  public static String failureDomain(String name) {
    return matching("failure domain", name, VOLUME_NAME, VOLUME_NAME_RULE);
  }

  public static String clusterId(String id) {
    return matching("cluster id", id, CLUSTER_ID, "must be 1-36 characters a-z, 0-9 or '-'");
  }

  public static String nqnPrefix(String prefix) {
    return matching(
        "NQN prefix",
        prefix,
        NQN_PREFIX,
        "must be nqn.<yyyy-mm>.<reversed domain>, e.g. " + Names.DEFAULT_NQN_PREFIX);
  }

  public static int replicas(int replicas) {
    if (replicas < 1 || replicas > MAX_REPLICAS) {
      throw new InvalidInput(
          "replicas", Integer.toString(replicas), "must be from 1 to " + MAX_REPLICAS);
    }
    return replicas;
  }

  private static String matching(String field, String value, Pattern pattern, String rule) {
    if (!pattern.matcher(value).matches()) {
      throw new InvalidInput(field, value, rule);
    }
    return value;
  }
}

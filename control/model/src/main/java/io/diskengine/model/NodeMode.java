package io.diskengine.model;

/** What a node is for: local disks belong to storage nodes, guests to baremetal nodes. */
public enum NodeMode {
  STORAGE_NODE("storage-node"),
  BAREMETAL("baremetal");

  private final String text;

  NodeMode(String text) {
    this.text = text;
  }

  /** The word used in configuration, API and database. */
  public String text() {
    return text;
  }

  public static NodeMode parse(String text) {
    for (NodeMode mode : values()) {
      if (mode.text.equals(text)) {
        return mode;
      }
    }
    throw new InvalidInput("mode", text, "must be storage-node or baremetal");
  }
}

package io.diskengine.model.plan;

/**
 * A disk of the node's configuration as the agent finds it, without the data plane: a regular file.
 *
 * @param serial stable identity, independent of the path
 * @param problem why it cannot be used (missing, unreadable); empty when it can
 */
public record DiskFile(
    String path,
    String serial,
    int nsid,
    String model,
    long sizeBytes,
    int blockSize,
    Content content,
    String problem) {
  /** What is on it, as far as reading can tell. */
  public enum Content {
    /** Reads as zeros wherever a file system, partition table or lvstore would have its mark. */
    EMPTY,
    DATA,
    UNKNOWN
  }
}

package io.diskengine.store;

/** The node lease is not held any more: nothing was written, the session is over (law 7). */
public final class LeaseLostException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public LeaseLostException(String node, long epoch) {
    super("the lease of node " + node + " with epoch " + epoch + " is not held any more");
  }
}

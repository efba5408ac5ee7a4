package io.diskengine.testkit.sim;

/**
 * A line that an action crosses; faults happen at lines.
 *
 * @param node whose agent acts
 * @param action an RPC method, or the kinds of an agent's writes
 */
public record Crossing(String node, String action, Line line) {
  /** In the order in which an action crosses them. */
  public enum Line {
    BEFORE_COMMIT,
    AFTER_COMMIT,
    BEFORE_SEND,
    AFTER_SEND,
    BEFORE_EXECUTE,
    AFTER_EXECUTE
  }

  /** What happens to the action itself at the line. */
  public enum Fate {
    GOES_ON,
    /** The connection ends before it was read, or before its answer was. */
    CUT_OFF,
    /** It takes long. */
    DELAYED
  }

  /** Decides. May also do something to the world. */
  public interface Faults {
    Faults NONE = _ -> Fate.GOES_ON;

    Fate at(Crossing crossing);
  }
}

package io.diskengine.engine.lvcheck;

/**
 * One thing that is not as the format says, or worth knowing.
 *
 * @param object what is concerned, e.g. {@code blob 0x100000005 "thin16"}
 * @param found what stands there
 * @param expected the rule
 */
public record Finding(
    Severity severity, Rule rule, String object, Place place, String found, String expected) {

  /** How bad it is. */
  public enum Severity {
    /** The store breaks a rule of its format. */
    INCONSISTENT,
    /** Allowed, harmless, and worth knowing. */
    NOTE
  }

  /**
   * Where.
   *
   * @param area e.g. {@code super block}, {@code metadata page}
   * @param page number within the area, or -1
   * @param offsetBytes from the start of the medium, or -1
   */
  public record Place(String area, long page, long offsetBytes) {
    static final Place STORE = new Place("store", -1, -1);

    static Place superBlock(int offset) {
      return new Place("super block", -1, offset);
    }

    @Override
    public String toString() {
      return area + (page < 0 ? "" : " " + page) + (offsetBytes < 0 ? "" : " byte " + offsetBytes);
    }
  }

  /** One line for people. */
  @Override
  public String toString() {
    return (severity == Severity.NOTE ? "note: " : "inconsistent: ")
        + object
        + ", "
        + place
        + ": "
        + found
        + (expected.isEmpty() ? "" : "; expected " + expected)
        + " ["
        + rule.code()
        + "]";
  }
}

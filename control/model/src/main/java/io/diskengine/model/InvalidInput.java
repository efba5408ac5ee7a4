package io.diskengine.model;

/**
 * A value from outside that breaks a rule. The message is one line: the field, the value, the rule.
 * The command answers exit code 2, the API a 4xx.
 */
public final class InvalidInput extends IllegalArgumentException {
  private static final long serialVersionUID = 1;
  private static final int SHOWN_CHARS = 80;

  private final String field;

  public InvalidInput(String field, String value, String rule) {
    super(field + " " + shown(value) + ": " + rule);
    this.field = field;
  }

  /** The name of the field as the user knows it. */
  public String field() {
    return field;
  }

  private static String shown(String value) {
    StringBuilder shown = new StringBuilder("\"");
    value
        .codePoints()
        .limit(SHOWN_CHARS)
        .forEach(c -> shown.appendCodePoint(Character.isISOControl(c) ? '?' : c));
    return shown.append(value.length() > SHOWN_CHARS ? "...\"" : "\"").toString();
  }
}

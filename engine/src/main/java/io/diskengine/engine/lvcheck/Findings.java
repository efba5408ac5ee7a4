package io.diskengine.engine.lvcheck;

import io.diskengine.engine.lvcheck.Finding.Place;
import io.diskengine.engine.lvcheck.Finding.Severity;
import java.util.ArrayList;
import java.util.List;

/** Collects findings; beyond a bound they are only counted. */
final class Findings {
  /** Findings kept of each severity. */
  static final int MAX_KEPT = 10_000;

  private static final int MAX_TEXT = 300;

  private final List<Finding> kept = new ArrayList<>();
  private long inconsistencies;
  private long notes;

  void wrong(Rule rule, String object, Place place, String found, String expected) {
    if (inconsistencies++ < MAX_KEPT) {
      kept.add(of(Severity.INCONSISTENT, rule, object, place, found, expected));
    }
  }

  /** Another inconsistency would not be kept: {@link #more} is enough, without its text. */
  boolean full() {
    return inconsistencies >= MAX_KEPT;
  }

  void more() {
    inconsistencies++;
  }

  void note(Rule rule, String object, Place place, String found, String expected) {
    if (notes++ < MAX_KEPT) {
      kept.add(of(Severity.NOTE, rule, object, place, found, expected));
    }
  }

  private static Finding of(
      Severity severity, Rule rule, String object, Place place, String found, String expected) {
    return new Finding(severity, rule, clean(object), place, clean(found), clean(expected));
  }

  /** Text of a hostile image must not reach a terminal as it is. */
  static String clean(String text) {
    StringBuilder clean = new StringBuilder();
    text.codePoints()
        .limit(MAX_TEXT)
        .forEach(c ->
            clean.appendCodePoint(
                Character.isISOControl(c)
                        || Character.getType(c) == Character.FORMAT
                        || Character.getType(c) == Character.SURROGATE
                    ? '?'
                    : c));
    return clean.toString();
  }

  List<Finding> all() {
    return List.copyOf(kept);
  }

  long inconsistencies() {
    return inconsistencies;
  }

  long notes() {
    return notes;
  }
}

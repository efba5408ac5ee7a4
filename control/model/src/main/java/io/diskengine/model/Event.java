package io.diskengine.model;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** A line of history for people; append-only. */
public record Event(
    long id,
    Instant at,
    Severity severity,
    @Nullable String node,
    ObjectRef object,
    String objectName,
    String message) {
  /** How loudly to say it. */
  public enum Severity {
    INFO,
    WARNING,
    ERROR
  }
}

package io.diskengine.engine.lvol;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.lvcheck.Finding;
import io.diskengine.engine.lvcheck.Finding.Severity;
import io.diskengine.engine.lvcheck.Report;
import io.diskengine.engine.lvcheck.Rule;
import io.diskengine.engine.lvcheck.StoreCheck;
import java.io.IOException;
import java.util.List;
import java.util.Objects;

/** What the store check, which shares no code with the engine, says about a medium. */
final class SoundStore {
  private SoundStore() {}

  /** Nothing is wrong; notes may be. */
  static Report check(DiskImage medium, String where) {
    try {
      return switch (StoreCheck.check(medium)) {
        case StoreCheck.Result.NoStore(String reason) ->
            throw new AssertionError(where + ": " + reason);
        case StoreCheck.Result.Checked(Report report) -> {
          assertThat(wrong(report)).as(where).isEmpty();
          yield report;
        }
      };
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Closed in order, masks and all; only free pages may have been left as a crash left them. */
  static Report checkClosed(DiskImage medium, String where) {
    Report report = check(medium, where);
    assertThat(Objects.requireNonNull(report.store()).clean()).as(where).isTrue();
    assertThat(report.findings().stream().map(Finding::rule))
        .as(where)
        .allMatch(Rule.LEFTOVER::equals);
    return report;
  }

  private static List<Finding> wrong(Report report) {
    return report.findings().stream().filter(f -> f.severity() == Severity.INCONSISTENT).toList();
  }
}

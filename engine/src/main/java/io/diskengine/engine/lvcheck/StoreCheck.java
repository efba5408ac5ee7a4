package io.diskengine.engine.lvcheck;

import java.io.IOException;
import java.util.Optional;

/**
 * Looks at a store and names everything that is not as its format says.
 *
 * <p>A store that was not closed is judged as its recovery would find it: masks do not count, pages
 * torn by a crash read as their shadows say, unfinished snapshots are allowed. Such things are
 * notes.
 *
 * <p>Whatever the bytes are, it ends: every page is looked at a fixed number of times, every count
 * is compared with the medium's size before it is used, and findings are bounded.
 */
public final class StoreCheck {
  private StoreCheck() {}

  /** A report, or why there is nothing to report on. */
  public sealed interface Result {
    record NoStore(String reason) implements Result {}

    record Checked(Report report) implements Result {}
  }

  /** Reads only. An IOException is the medium's. */
  public static Result check(Medium medium) throws IOException {
    Optional<String> absent = SuperBlockReader.absent(medium);
    if (absent.isPresent()) {
      return new Result.NoStore(absent.get());
    }
    return new Result.Checked(StoreModel.read(medium).report());
  }
}

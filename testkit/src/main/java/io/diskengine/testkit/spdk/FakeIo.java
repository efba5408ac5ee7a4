package io.diskengine.testkit.spdk;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One block read or written. Blocks hold values, not bytes: what a guest wrote, or a superblock.
 *
 * @param content what is written; null when it is read
 * @param done told once, unless a process dies before
 */
public record FakeIo(long block, @Nullable Object content, Consumer<Done> done) {
  /** Written by a rebuild where its source holds nothing: read as a block never written. */
  static final Object ZEROES = "zeroes";

  /** What a null bdev shows. */
  public static final Object RUBBISH = "rubbish";

  /**
   * The end of an I/O.
   *
   * @param content what was read; null for a block that was never written
   * @param leg the bdev at the bottom that served a read
   */
  public record Done(boolean ok, @Nullable Object content, String leg) {
    static final Done FAILED = new Done(false, null, "");
  }

  boolean isWrite() {
    return content != null;
  }

  /** What a block that this is written to holds from then on. */
  @Nullable Object stored() {
    return content == ZEROES ? null : content;
  }

  void ok(@Nullable Object value, String leg) {
    done.accept(new Done(true, value, leg));
  }

  void failed() {
    done.accept(Done.FAILED);
  }
}

package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.Done;

/** A change of what a blob's root says: flags, xattrs, parent. Taken back when it fails. */
abstract class RootChange extends CommitQueue.Change {
  private final Blob blob;
  private final Done done;
  private Blob.Attributes before;

  RootChange(Blob blob, Done done) {
    this.blob = blob;
    this.done = done;
    this.before = blob.attributes();
  }

  /** Changes flags and xattrs in memory. */
  abstract void apply();

  /** The medium has it. */
  void made() {}

  @Override
  final void join(CommitQueue.Batch batch) throws BdevException {
    before = blob.attributes();
    apply();
    try {
      batch.rewrittenChain(blob);
    } catch (BdevException full) {
      blob.attributes(before);
      throw full;
    }
  }

  @Override
  final void ended(int errno, boolean uncertain) {
    if (errno == 0) {
      made();
    } else {
      blob.attributes(before);
    }
    done.done(errno);
  }
}

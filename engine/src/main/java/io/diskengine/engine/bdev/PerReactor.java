package io.diskengine.engine.bdev;

import java.util.ArrayDeque;

/** What the bdev layer keeps once per reactor. */
final class PerReactor {
  /** How many driver {@code submit} calls are on this reactor's stack. */
  int submitDepth;

  /** Free split contexts; their number is bounded by the I/Os in flight. */
  final ArrayDeque<SplitIo> freeSplits = new ArrayDeque<>();
}

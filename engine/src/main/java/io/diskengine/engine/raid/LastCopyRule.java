package io.diskengine.engine.raid;

import java.util.ArrayList;
import java.util.List;

/**
 * Law 9: the last in-sync copy is untouchable. Of legs that failed together one in-sync leg is
 * kept, however it fares: its superblock goes on calling it in sync, and later I/O tries it again.
 */
final class LastCopyRule {
  private LastCopyRule() {}

  /**
   * Which of the failed legs leave. When no other in-sync leg is left, the first whose device is
   * not about to go stays, or else the first.
   */
  static List<Leg> toDrop(List<Leg> failed, List<Leg> inSync) {
    if (!failed.containsAll(inSync)) {
      return failed;
    }
    Leg kept = null;
    for (Leg leg : inSync) {
      if (kept == null || !kept.bdev().ready() && leg.bdev().ready()) {
        kept = leg;
      }
    }
    List<Leg> dropped = new ArrayList<>(failed);
    dropped.remove(kept);
    return dropped;
  }
}

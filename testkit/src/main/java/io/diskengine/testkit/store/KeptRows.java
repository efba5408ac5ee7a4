package io.diskengine.testkit.store;

import io.diskengine.model.Disk;
import io.diskengine.model.Kept;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;

/** Law 9 in the rows: what replicas held before they are overwritten. */
final class KeptRows {
  private KeptRows() {}

  static Kept left(Lvol l) {
    return l.sync() == LvolSync.IN_SYNC && l.kept() == Kept.NONE ? Kept.WANTED : l.kept();
  }

  static Kept inSync(Lvol l) {
    return switch (l.kept()) {
      case KEPT -> Kept.DROPPING;
      case WANTED, TAKING -> Kept.NONE;
      case NONE, DROPPING -> l.kept();
    };
  }

  static boolean isToBeTaken(Lvol l) {
    return l.kept() == Kept.WANTED || l.kept() == Kept.TAKING;
  }

  /** Its full size must be free, beside what other copies on the disk may still need. */
  static boolean mayComeBack(MemoryState s, Lvol l) {
    if (l.kept() == Kept.DROPPING) {
      return false;
    }
    if (!isToBeTaken(l)) {
      return true;
    }
    Disk d = s.disks.at(l.diskId());
    long needed = l.sizeBytes();
    for (Lvol o : s.lvols.values()) {
      boolean copied = o.kept() == Kept.TAKING || o.kept() == Kept.KEPT;
      if (o.diskId() == d.id() && o.id() != l.id() && copied && o.state() != LvolState.DELETED) {
        needed += o.sizeBytes();
      }
    }
    return d.freeClusters() * d.clusterSizeBytes() >= needed;
  }
}

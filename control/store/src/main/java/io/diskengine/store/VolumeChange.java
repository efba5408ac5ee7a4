package io.diskengine.store;

import io.diskengine.model.Limits;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Placement;
import io.diskengine.model.Sizes;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeState;
import io.diskengine.store.RefusedException.Code;
import java.sql.SQLException;
import java.util.List;

/** Size and limits of a volume, in a transaction that holds its lock. */
final class VolumeChange {
  private final Tx tx;
  private final Volume volume;

  VolumeChange(Tx tx, Volume volume) {
    this.tx = tx;
    this.volume = volume;
  }

  void limit(Limits limits) throws SQLException {
    if (volume.state() == VolumeState.DELETING) {
      throw wrongState("volume " + volume.name() + " is being deleted");
    }
    if (!limits.equals(volume.limits())) {
      tx.update(
          "UPDATE volume SET iops_limit = ?, mb_limit = ?, version = version + 1 WHERE id = ?",
          limits.iopsPerSec(),
          limits.mbPerSec(),
          volume.id());
      event("limits requested: %s".formatted(text(limits)));
    }
  }

  private static String text(Limits limits) {
    String iops = limits.iopsPerSec() == 0 ? "no limit" : Long.toString(limits.iopsPerSec());
    String mb = limits.mbPerSec() == 0 ? "no limit" : Long.toString(limits.mbPerSec());
    return "IOPS " + iops + ", MiB/s " + mb;
  }

  /** The caller holds the placement lock. */
  void resize(long sizeBytes) throws SQLException {
    if (sizeBytes == volume.sizeBytes()) {
      return;
    }
    if (sizeBytes < volume.sizeBytes()) {
      throw wrongState(
          "volume %s has %s: it cannot be made smaller"
              .formatted(volume.name(), Sizes.text(volume.sizeBytes())));
    }
    if (volume.state() != VolumeState.AVAILABLE) {
      throw wrongState(
          "volume %s is %s: resize it when it is AVAILABLE"
              .formatted(volume.name(), volume.state()));
    }
    List<Lvol> replicas =
        tx.query(
            Rows::lvol,
            Rows.SELECT_LVOL
                + " WHERE l.volume_id = ? AND l.state NOT IN ('DELETING', 'DELETED')"
                + " ORDER BY l.slot",
            volume.id());
    for (Lvol l : replicas) {
      if (l.sync() != LvolSync.IN_SYNC || l.state() != LvolState.UP) {
        throw wrongState(
            "replica %s is %s and %s: every replica must be in sync to grow"
                .formatted(l.name(), l.state(), l.sync()));
      }
      requireRoom(l, sizeBytes - volume.sizeBytes());
    }
    tx.update(
        "UPDATE lvol SET state = 'RESIZING', size_bytes = greatest(size_bytes, ?), version = version + 1"
            + " WHERE volume_id = ? AND state = 'UP'",
        Sizes.legBytes(sizeBytes),
        volume.id());
    tx.update(
        "UPDATE volume SET state = 'RESIZING', size_bytes = ?,"
            + " guest_bytes = greatest(guest_bytes, ?),"
            + " version = version + 1 WHERE id = ?",
        sizeBytes,
        Sizes.guestBytes(sizeBytes),
        volume.id());
    event(
        "resize from %s to %s requested"
            .formatted(Sizes.text(volume.sizeBytes()), Sizes.text(sizeBytes)));
  }

  private void requireRoom(Lvol l, long moreBytes) throws SQLException {
    long freeBytes =
        tx.number(
            "SELECT (d.total_clusters * (100 - ?) / 100 * d.cluster_size_bytes / 100"
                + " * (SELECT overcommit_percent FROM cluster) - (SELECT coalesce(sum(o.size_bytes), 0)"
                + " FROM lvol o WHERE o.disk_id = d.id AND o.state <> 'DELETED'))::bigint"
                + " FROM disk d WHERE d.id = ?",
            Placement.BALLAST_PERCENT,
            l.diskId());
    if (freeBytes < moreBytes) {
      throw new RefusedException(
          Code.NO_PLACE,
          "disk %d below replica %s has %d MiB free, %d MiB are needed"
              .formatted(
                  l.diskId(), l.name(), Math.max(0, freeBytes) / Sizes.MIB, moreBytes / Sizes.MIB));
    }
  }

  private static RefusedException wrongState(String message) {
    return new RefusedException(Code.WRONG_STATE, message);
  }

  private void event(String message) throws SQLException {
    tx.all(List.of(Asked.event(volume.id(), volume.name(), message)));
  }
}

package io.diskengine.engine.host;

import io.diskengine.nvme.IdentifyNamespace;
import io.diskengine.nvme.LbaFormat;
import io.diskengine.nvme.NamespaceIdDescriptor;
import io.diskengine.nvme.Uuids;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One namespace as its controller describes it.
 *
 * @param uuid its UUID; without one its NGUID, without that a name-based one of subsystem and nsid
 */
record NamespaceData(int nsid, UUID uuid, int blockSizeBytes, long numBlocks, boolean canShare) {
  private static final int MOST_BLOCK_BYTES = 1 << 16;

  /**
   * From the data of CNS 00h, without its own UUID; null for an inactive namespace or one whose
   * format is not ours to use (metadata, absurd sizes).
   */
  static @Nullable NamespaceData read(int nsid, String subnqn, long data) {
    long blocks = IdentifyNamespace.nsze(data);
    int blockSize = IdentifyNamespace.blockSize(data);
    int metadata = LbaFormat.ms(IdentifyNamespace.lbaf(data, IdentifyNamespace.formatIndex(data)));
    if (blockSize == 0
        || blockSize > MOST_BLOCK_BYTES
        || metadata != 0
        || blocks <= 0
        || blocks > Long.MAX_VALUE / blockSize) {
      return null;
    }
    byte[] name = (subnqn + " " + nsid).getBytes(StandardCharsets.UTF_8);
    return new NamespaceData(
        nsid,
        UUID.nameUUIDFromBytes(name),
        blockSize,
        blocks,
        (IdentifyNamespace.nmic(data) & 1) != 0);
  }

  NamespaceData named(UUID own) {
    return new NamespaceData(nsid, own, blockSizeBytes, numBlocks, canShare);
  }

  /** The UUID, else the NGUID, of the data of CNS 03h; null when there is neither. */
  static @Nullable UUID uuid(long descriptors) {
    UUID uuid = uuid(descriptors, NamespaceIdDescriptor.UUID);
    return uuid != null ? uuid : uuid(descriptors, NamespaceIdDescriptor.NGUID);
  }

  private static @Nullable UUID uuid(long descriptors, int type) {
    long found = NamespaceIdDescriptor.find(descriptors, type);
    if (found == 0 || NamespaceIdDescriptor.nidl(found) != 16) {
      return null;
    }
    UUID uuid = Uuids.get(found + NamespaceIdDescriptor.NID);
    return uuid.getMostSignificantBits() == 0 && uuid.getLeastSignificantBits() == 0 ? null : uuid;
  }

  /** The same disk, of whatever size. */
  boolean isSameAs(NamespaceData other) {
    return uuid.equals(other.uuid) && blockSizeBytes == other.blockSizeBytes;
  }
}

package io.diskengine.engine.nvmf;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevDesc;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A device under a namespace identifier. Belongs to the home reactor; its identity is fixed. */
public final class Namespace {
  /** SPDK claims exported devices in this name. */
  static final String CLAIM = "NVMe-oF Target";

  private final int nsid;
  private final BdevDesc desc;
  private final Ids ids;
  final List<Runnable> removalWaiters = new ArrayList<>();
  boolean removing;

  /**
   * How hosts recognise the namespace.
   *
   * @param nguid any 128 bits, or null for the uuid's
   * @param eui64 0 for none
   */
  public record Ids(@Nullable UUID nguid, long eui64, @Nullable UUID uuid) {
    public static final Ids OF_BDEV = new Ids(null, 0, null);
  }

  Namespace(int nsid, BdevDesc desc, Ids ids) {
    this.nsid = nsid;
    this.desc = desc;
    this.ids = ids;
  }

  public int nsid() {
    return nsid;
  }

  public Bdev bdev() {
    return desc.bdev();
  }

  BdevDesc desc() {
    return desc;
  }

  public UUID uuid() {
    return ids.uuid == null ? bdev().uuid() : ids.uuid;
  }

  /** SPDK takes the uuid's bits where no NGUID was given. */
  public UUID nguid() {
    return ids.nguid == null ? uuid() : ids.nguid;
  }

  public long eui64() {
    return ids.eui64;
  }

  /** log2 of the block size. */
  int blockShift() {
    return Integer.numberOfTrailingZeros(bdev().blockSizeBytes());
  }

  @Override
  public String toString() {
    return "namespace " + nsid + " (" + bdev() + ")";
  }
}

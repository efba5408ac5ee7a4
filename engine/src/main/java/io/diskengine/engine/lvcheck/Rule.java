package io.diskengine.engine.lvcheck;

import java.util.Locale;

/** What a finding is about; the spelling in JSON is stable. */
public enum Rule {
  SUPER_BLOCK,
  MASK,
  LOST_BLOB,
  PAGE_CHECKSUM,
  CHAIN,
  DESCRIPTOR,
  FLAGS,
  XATTR,
  EXTENTS,
  EXTENT_PAGE,
  PAGE_OWNER,
  CLUSTER_OWNER,
  CLUSTER_RANGE,
  ALLOCATION,
  SNAPSHOT,
  EXTERNAL_SNAPSHOT,
  UNFINISHED_SNAPSHOT,
  LVOL_STORE,
  LVOL_NAME,
  LVOL_UUID,
  RECOVERY,
  SHADOW,
  LEFTOVER,
  LIMIT;

  /** As in {@code "rule": "cluster-owner"}. */
  public String code() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}

package io.diskengine.engine.lvcheck;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A blob as its chain of metadata pages describes it. */
final class Blob {
  static final long THIN = 1;
  static final long INTERNAL_XATTRS = 2;
  static final long EXTENT_TABLE = 4;
  static final long EXTERNAL = 8;
  static final long KNOWN_INVALID = THIN | INTERNAL_XATTRS | EXTENT_TABLE | EXTERNAL;
  static final long READ_ONLY = 1;
  static final long CLEAR_METHOD = 3;

  static final String NAME = "name";
  static final String UUID = "uuid";
  static final String PARENT = "SNAP";
  static final String EXTERNAL_PARENT = "EXTSNAP";
  static final String IN_CREATION = "SNAPTMP";
  static final String IN_REMOVAL = "SNAPRM";

  /** What a recovery does with a snapshot whose creation or removal was cut short. */
  enum Fate {
    NONE,
    KEPT,
    REMOVED
  }

  /** Position among all blobs of the store. */
  final int number;

  final int root;
  long invalidFlags;
  long dataRoFlags;
  long mdRoFlags;

  /** The xattrs that the store itself uses; others are only counted. */
  final Map<String, byte[]> values = new HashMap<>();

  int xattrs;
  int[] chain = {};
  long clusters;
  long allocatedClusters;
  boolean hasTable;
  boolean hasRuns;

  /** An unfinished snapshot has pages or clusters that its partner has as well. */
  boolean shares;

  /** Something was wrong with its chain, so what follows from it is not known. */
  boolean broken;

  Fate fate = Fate.NONE;

  @Nullable Blob parent;

  /** The blob that an unfinished snapshot names. */
  @Nullable Blob partner;

  Blob(int number, int root) {
    this.number = number;
    this.root = root;
  }

  long id() {
    return Layout.FIRST_BLOB_ID + root;
  }

  boolean thin() {
    return (invalidFlags & THIN) != 0;
  }

  boolean readOnly() {
    return (dataRoFlags & READ_ONLY) != 0 || fate == Fate.KEPT;
  }

  /** A blob id that an internal xattr holds; null without it or when it is no id. */
  @Nullable Long id(String xattr) {
    byte[] value = values.get(xattr);
    return value == null || value.length != Long.BYTES ? null : Bytes.i64(value, 0);
  }

  @Nullable Long mark() {
    Long removal = id(IN_REMOVAL);
    return removal == null ? id(IN_CREATION) : removal;
  }

  boolean marked() {
    return values.containsKey(IN_CREATION) || values.containsKey(IN_REMOVAL);
  }

  /** An xattr's value up to its first NUL; empty without it. */
  String text(String xattr) {
    byte[] value = values.get(xattr);
    int length = 0;
    while (value != null && length < value.length && value[length] != 0) {
      length++;
    }
    return value == null ? "" : new String(value, 0, length, StandardCharsets.UTF_8);
  }

  @Override
  public String toString() {
    String name = text(NAME);
    return "blob " + Bytes.hex(id()) + (name.isEmpty() ? "" : " \"" + name + "\"");
  }
}

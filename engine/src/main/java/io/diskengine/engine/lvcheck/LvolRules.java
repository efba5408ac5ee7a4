package io.diskengine.engine.lvcheck;

import io.diskengine.engine.lvcheck.Finding.Place;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Names and uuids: of the store in its super blob, of each lvol in its own blob. */
final class LvolRules {
  private static final int NAME_BYTES = 64;

  private final MetadataPages pages;
  private final Findings findings;
  private final Map<String, Blob> names = new HashMap<>();
  private final Map<String, Blob> uuids = new HashMap<>();

  LvolRules(MetadataPages pages, Findings findings) {
    this.pages = pages;
    this.findings = findings;
  }

  void check(Layout layout, List<Blob> blobs, @Nullable Blob superBlob) {
    if (superBlob == null) {
      findings.wrong(
          Rule.LVOL_STORE,
          "lvol store",
          Place.superBlock(20),
          "no blob " + Bytes.hex(layout.superBlobId()),
          "the super blob, which has name and uuid of the store");
    } else {
      name(superBlob, Rule.LVOL_STORE);
      if (!uuid(superBlob)) {
        wrong(Rule.LVOL_STORE, superBlob, "no uuid", "xattr \"uuid\", text with NUL, 37 bytes");
      }
      if (superBlob.clusters != 0) {
        wrong(Rule.LVOL_STORE, superBlob, superBlob.clusters + " clusters", "none");
      }
    }
    for (Blob blob : blobs) {
      if (blob != superBlob && blob.fate != Blob.Fate.REMOVED) {
        lvol(blob);
      }
    }
  }

  private void lvol(Blob blob) {
    name(blob, Rule.LVOL_NAME);
    String name = blob.text(Blob.NAME);
    Blob namesake = name.isEmpty() ? null : names.putIfAbsent(name, blob);
    if (namesake != null) {
      wrong(Rule.LVOL_NAME, blob, "the name of " + namesake, "a name of its own");
    }
    if (!uuid(blob)) {
      byte[] value = blob.values.get(Blob.UUID);
      if (value == null) {
        findings.note(
            Rule.LVOL_UUID,
            blob.toString(),
            pages.place(blob.root, 0),
            "no uuid: its bdev is named after store and blob id",
            "");
      } else {
        wrong(
            Rule.LVOL_UUID,
            blob,
            "uuid \"" + blob.text(Blob.UUID) + "\" of " + value.length + " bytes",
            "text with NUL, 37 bytes");
      }
      return;
    }
    Blob twin = uuids.putIfAbsent(blob.text(Blob.UUID), blob);
    if (twin != null) {
      wrong(Rule.LVOL_UUID, blob, "the uuid of " + twin, "a uuid of its own");
    }
  }

  private void name(Blob blob, Rule rule) {
    byte[] value = blob.values.get(Blob.NAME);
    if (value == null || value.length > NAME_BYTES || blob.text(Blob.NAME).isEmpty()) {
      wrong(
          rule,
          blob,
          value == null ? "no name" : "a name of " + value.length + " bytes",
          "xattr \"name\" of at most 64 bytes, without which the store does not load");
    } else if (value[value.length - 1] != 0) {
      wrong(rule, blob, "a name without NUL", "text that ends with NUL");
    }
  }

  private static boolean uuid(Blob blob) {
    byte[] value = blob.values.get(Blob.UUID);
    return value != null && UuidText.isValid(value);
  }

  private void wrong(Rule rule, Blob blob, String found, String expected) {
    findings.wrong(rule, blob.toString(), pages.place(blob.root, 0), found, expected);
  }
}

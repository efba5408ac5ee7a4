package io.diskengine.engine.lvcheck;

import io.diskengine.engine.lvcheck.Blob.Fate;
import io.diskengine.engine.lvcheck.Finding.Place;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Parents, clones, external snapshots, and snapshots that are not finished. */
final class SnapshotRules {
  private final MetadataPages pages;
  private final List<Blob> blobs;
  private final Findings findings;
  private final Map<Long, Blob> byId = new HashMap<>();

  SnapshotRules(MetadataPages pages, List<Blob> blobs, Findings findings) {
    this.pages = pages;
    this.blobs = blobs;
    this.findings = findings;
    blobs.forEach(b -> byId.put(b.id(), b));
  }

  /** What a load does with each unfinished snapshot: needed before clusters are counted. */
  void decideFates() {
    for (Blob blob : blobs) {
      Long mark = blob.mark();
      if (mark == null) {
        continue;
      }
      Blob partner = byId.get(mark);
      String what = blob.values.containsKey(Blob.IN_CREATION) ? "creation" : "removal";
      if (partner == null) {
        blob.fate = Fate.KEPT;
        unfinished(blob, what, "keeps it (SPDK removes it): there is no " + Bytes.hex(mark));
        continue;
      }
      if (partner == blob) {
        wrong(Rule.UNFINISHED_SNAPSHOT, blob, "an unfinished snapshot of itself", "another blob");
        continue;
      }
      blob.partner = partner;
      Long parent = partner.id(Blob.PARENT);
      blob.fate = parent != null && parent == blob.id() ? Fate.KEPT : Fate.REMOVED;
      unfinished(
          blob,
          what,
          blob.fate == Fate.KEPT
              ? "keeps it for " + partner
              : "removes it, all it had is with " + partner);
    }
  }

  private void unfinished(Blob blob, String what, String load) {
    findings.note(
        Rule.UNFINISHED_SNAPSHOT,
        blob.toString(),
        place(blob),
        "a snapshot whose " + what + " was cut short: the next load " + load,
        "");
  }

  void check() {
    for (Blob blob : blobs) {
      parent(blob);
      external(blob);
    }
    cycles();
  }

  private void parent(Blob blob) {
    Long id = blob.id(Blob.PARENT);
    if (id == null || blob.fate == Fate.REMOVED) {
      return;
    }
    Blob parent = byId.get(id);
    if (parent == null) {
      wrong(Rule.SNAPSHOT, blob, "parent " + Bytes.hex(id), "a blob of this store");
      return;
    }
    if (parent == blob) {
      wrong(Rule.SNAPSHOT, blob, "itself as its parent", "another blob");
      return;
    }
    blob.parent = parent;
    if (parent.fate == Fate.REMOVED) {
      wrong(
          Rule.SNAPSHOT,
          blob,
          "parent " + parent + ", which a load removes as unfinished",
          "a snapshot that stays");
    } else if (!parent.readOnly()) {
      wrong(Rule.SNAPSHOT, blob, "parent " + parent + ", which is writable", "a read-only blob");
    }
    if (!blob.thin()) {
      wrong(Rule.SNAPSHOT, blob, "a parent and no thin flag", "a clone is thin");
    }
  }

  private void external(Blob blob) {
    byte[] id = blob.values.get(Blob.EXTERNAL_PARENT);
    boolean flag = (blob.invalidFlags & Blob.EXTERNAL) != 0;
    if (flag != (id != null)) {
      wrong(
          Rule.EXTERNAL_SNAPSHOT,
          blob,
          flag ? "the flag of an external snapshot and no EXTSNAP" : "EXTSNAP without its flag",
          "both or neither");
    }
    if (id != null && blob.values.containsKey(Blob.PARENT)) {
      wrong(Rule.EXTERNAL_SNAPSHOT, blob, "EXTSNAP and SNAP", "one parent");
    }
    if (id != null && !UuidText.isValid(id)) {
      wrong(
          Rule.EXTERNAL_SNAPSHOT,
          blob,
          "external snapshot \""
              + blob.text(Blob.EXTERNAL_PARENT)
              + "\" of "
              + id.length
              + " bytes",
          "a uuid as text with NUL, 37 bytes");
    }
  }

  /** Walks up from every blob, over blobs not seen on an earlier walk. */
  private void cycles() {
    int[] walk = new int[blobs.size()];
    for (Blob start : blobs) {
      Blob at = start;
      while (at != null && walk[at.number] == 0) {
        walk[at.number] = start.number + 1;
        at = at.parent;
      }
      if (at != null && walk[at.number] == start.number + 1) {
        wrong(Rule.SNAPSHOT, at, "is its own ancestor", "parents without a cycle");
      }
    }
  }

  private Place place(Blob blob) {
    return pages.place(blob.root, 0);
  }

  private void wrong(Rule rule, Blob blob, String found, String expected) {
    findings.wrong(rule, blob.toString(), place(blob), found, expected);
  }
}

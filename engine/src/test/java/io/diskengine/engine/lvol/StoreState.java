package io.diskengine.engine.lvol;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What the users of a store can tell: its lvols with what they are and every byte they read as.
 * {@code name} is empty where there is no store.
 */
record StoreState(String name, Map<String, LvolState> lvols) {
  /** Allocation is left out: it is free to differ as long as all bytes are right. */
  record LvolState(String attributes, byte[] content) {
    long word(int block, int blockBytes) {
      return ByteBuffer.wrap(content).getLong(block * blockBytes);
    }
  }

  static StoreState of(StoreRig rig) {
    Collection<LvolStore> stores = rig.lvols.stores();
    if (stores.isEmpty()) {
      return new StoreState("", Map.of());
    }
    LvolStore store = stores.iterator().next();
    Map<String, LvolState> lvols = new TreeMap<>();
    for (Lvol lvol : store.lvols()) {
      ByteArrayOutputStream content = new ByteArrayOutputStream();
      rig.read(lvol.alias(), 0, lvol.sizeBytes(), (bytes, count) -> content.write(bytes, 0, count));
      lvols.put(lvol.name(), new LvolState(attributes(lvol), content.toByteArray()));
    }
    return new StoreState(
        store.name() + " " + store.uuid() + " " + store.totalDataClusters(), lvols);
  }

  /** What must be as it was before an operation or as it is afterwards. Add what is added. */
  private static String attributes(Lvol lvol) {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("uuid", lvol.uuid());
    all.put("size", lvol.sizeBytes());
    all.put("thin", lvol.thin());
    all.put("readOnly", lvol.readOnly());
    all.put("clear", lvol.blob().clearMethod());
    all.put("parent", lvol.describe().getOrDefault("base_snapshot", ""));
    all.put("external", lvol.describe().getOrDefault("external_snapshot_name", ""));
    if (lvol.describe().get("clones") instanceof Collection<?> clones) {
      all.put("clones", new TreeSet<>(clones));
    }
    return all.toString();
  }

  /** The attributes of all lvols, to compare stores with. */
  Map<String, String> attributes() {
    Map<String, String> attributes = new TreeMap<>();
    lvols.forEach((lvolName, lvol) -> attributes.put(lvolName, lvol.attributes()));
    attributes.put("", name);
    return attributes;
  }

  LvolState lvol(String lvolName) {
    return Objects.requireNonNull(lvols.get(lvolName), () -> lvolName + " of " + lvols.keySet());
  }
}

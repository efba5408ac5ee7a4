package io.diskengine.engine.lvol;

import java.util.ArrayList;
import java.util.List;

/** Clusters that lie side by side on the device. */
record ClusterRun(int first, int count) {
  /** Everything in the map, published or not. */
  static List<ClusterRun> of(ClusterMap map) {
    List<ClusterRun> runs = new ArrayList<>();
    int first = 0;
    int count = 0;
    for (int index = 0; index < map.size(); index++) {
      if (index % ClusterMap.ROW == 0 && map.rowMissing(index / ClusterMap.ROW)) {
        index += ClusterMap.ROW - 1;
        continue;
      }
      int cluster = map.stored(index);
      if (cluster == 0) {
        continue;
      }
      if (count > 0 && cluster == first + count) {
        count++;
      } else {
        add(runs, first, count);
        first = cluster;
        count = 1;
      }
    }
    add(runs, first, count);
    return runs;
  }

  /** These clusters, in their order. */
  static List<ClusterRun> of(List<Integer> clusters) {
    List<ClusterRun> runs = new ArrayList<>();
    int first = 0;
    int count = 0;
    for (int cluster : clusters) {
      if (count > 0 && cluster == first + count) {
        count++;
      } else {
        add(runs, first, count);
        first = cluster;
        count = 1;
      }
    }
    add(runs, first, count);
    return runs;
  }

  private static void add(List<ClusterRun> runs, int first, int count) {
    if (count > 0) {
      runs.add(new ClusterRun(first, count));
    }
  }
}

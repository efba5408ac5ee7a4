package io.diskengine.model.plan;

import io.diskengine.model.Names;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What is known of one kind of SPDK object, by name. Unknown is not absent (law 2): nothing is
 * known before the first complete look, nor of an object whose last mutation had an unknown
 * outcome.
 *
 * @param seen whether the whole kind was looked at in this incarnation
 * @param byName may be what the owner goes on to change: facts are for one plan, not for keeping
 * @param doubtful names of which nothing is known until the next look; as above
 * @param groups the names of {@code byName}
 */
public record Facts<T>(boolean seen, Map<String, T> byName, Set<String> doubtful, Groups groups) {
  public static <T> Facts<T> unknown() {
    return new Facts<>(false, Map.of(), Set.of(), new Groups());
  }

  public static <T> Facts<T> known(Map<String, T> byName) {
    Groups groups = new Groups();
    byName.keySet().forEach(groups::add);
    return new Facts<>(true, byName, Set.of(), groups);
  }

  /** The same, of which no plan asks what belongs to no volume. */
  public static <T> Facts<T> ungrouped(Map<String, T> byName) {
    return new Facts<>(true, byName, Set.of(), new Groups());
  }

  /** Names of objects by the volume that each is named after, and those named after none. */
  public static final class Groups {
    private static final long NONE = -1;

    private final Map<Long, Set<String>> names = new HashMap<>();

    public void add(String name) {
      names.computeIfAbsent(volumeOf(name), _ -> new HashSet<>(2)).add(name);
    }

    public void remove(String name) {
      names.computeIfPresent(
          volumeOf(name), (_, group) -> group.remove(name) && group.isEmpty() ? null : group);
    }

    public void clear() {
      names.clear();
    }

    private static long volumeOf(String name) {
      return Names.volumeOf(name).orElse(NONE);
    }

    /** The names that belong to none of these volumes. */
    List<String> beside(Set<Long> volumes) {
      List<String> beside = new ArrayList<>();
      names.forEach((volume, group) -> {
        if (!volumes.contains(volume)) {
          beside.addAll(group);
        }
      });
      return beside;
    }
  }

  public boolean isKnown(String name) {
    return seen && !doubtful.contains(name);
  }

  /** The object, when it is known to be there. */
  public Optional<T> find(String name) {
    return isKnown(name) ? Optional.ofNullable(byName.get(name)) : Optional.empty();
  }

  /** Law 2: only a complete look that did not show it says that an object is absent. */
  public boolean isAbsent(String name) {
    return isKnown(name) && !byName.containsKey(name);
  }
}

package io.diskengine.model.plan;

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
 */
public record Facts<T>(boolean seen, Map<String, T> byName, Set<String> doubtful) {

  public static <T> Facts<T> unknown() {
    return new Facts<>(false, Map.of(), Set.of());
  }

  public static <T> Facts<T> known(Map<String, T> byName) {
    return new Facts<>(true, byName, Set.of());
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

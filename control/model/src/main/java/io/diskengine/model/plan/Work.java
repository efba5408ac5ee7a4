package io.diskengine.model.plan;

import io.diskengine.model.ObjectRef;
import java.util.List;

/**
 * What to do next for one object. The commits become durable in the transaction that journals and
 * re-authorises the actions; if one is refused, none of the actions is sent. The actions go out one
 * after the other and stop at the first answer that is not success. Works of different objects are
 * independent of each other.
 *
 * @param version the row version of {@code object} this was planned from
 */
public record Work(ObjectRef object, long version, List<Commit> commits, List<Action> actions) {
  public Work {
    commits = List.copyOf(commits);
    actions = List.copyOf(actions);
    if (commits.isEmpty() && actions.isEmpty()) {
      throw new IllegalArgumentException("nothing to do for " + object);
    }
  }
}

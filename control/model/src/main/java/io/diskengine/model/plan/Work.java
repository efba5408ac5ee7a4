package io.diskengine.model.plan;

import io.diskengine.model.ObjectRef;
import java.util.List;
import java.util.Set;

/**
 * What to do next for one object. The commits become durable in the transaction that journals and
 * re-authorises the actions; if one is refused, none of the actions is sent. The actions go out one
 * after the other and stop at the first answer that is not success. Works of different objects are
 * independent of each other, unless one follows others.
 *
 * @param version the row version of {@code object} this was planned from
 * @param after objects whose works, under way or in the same plan, have to succeed first. Such a
 *     work is journalled with or beside them, so that nothing is written between their last answer
 *     and its first request; it is not sent when one of them fails or the rows of its volume change
 */
public record Work(
    ObjectRef object,
    long version,
    List<Commit> commits,
    List<Action> actions,
    Set<ObjectRef> after) {
  public Work {
    commits = List.copyOf(commits);
    actions = List.copyOf(actions);
    after = Set.copyOf(after);
    if (commits.isEmpty() && actions.isEmpty()) {
      throw new IllegalArgumentException("nothing to do for " + object);
    }
    if (!after.isEmpty() && !commits.isEmpty()) {
      throw new IllegalArgumentException("records before the work it follows: " + object);
    }
  }

  public Work(ObjectRef object, long version, List<Commit> commits, List<Action> actions) {
    this(object, version, commits, actions, Set.of());
  }
}

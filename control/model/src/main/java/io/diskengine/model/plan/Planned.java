package io.diskengine.model.plan;

import java.util.Set;

/**
 * A plan, and what need not be planned again until something of it changes.
 *
 * @param settled volumes that were planned now and left nothing to do and nothing to wait for
 */
public record Planned(Plan plan, Set<Long> settled) {
  public Planned {
    settled = Set.copyOf(settled);
  }
}

package io.diskengine.model;

import java.util.Arrays;
import java.util.Collection;

/** A few ids that thousands of rows are compared with. */
public record Ids(long[] sorted) {
  public static Ids of(Collection<Long> ids) {
    long[] sorted = ids.stream().mapToLong(Long::longValue).toArray();
    Arrays.sort(sorted);
    return new Ids(sorted);
  }

  public boolean contains(long id) {
    return Arrays.binarySearch(sorted, id) >= 0;
  }
}

package io.diskengine.testkit.sim;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What a volume's guest was told to be on it. */
public final class SimVolume {
  static final int BLOCKS = 8;

  public final String name;
  public final long id;

  /** All that ever were. */
  final List<SimGuest> guests = new ArrayList<>();

  private final @Nullable Object[] acknowledged = new @Nullable Object[BLOCKS];

  /** What a block has is forgotten: the next read tells it. */
  private final boolean[] unknown = new boolean[BLOCKS];

  /** Values that may be on a block instead: writes that nobody was told the end of. */
  private final List<Set<Object>> possible = new ArrayList<>();

  private final List<Set<Object>> writing = new ArrayList<>();
  private long lastValue;
  int acknowledgedWrites;

  /** The disk that a guest was shown last. */
  long shownBytes;

  /** The largest one that a superblock has and a guest was shown: it never sees less again. */
  long promisedBytes;

  int reads;

  /** A full or lost disk failed requests of its guest, and its copies were not looked at since. */
  boolean failedBelow;

  SimVolume(String name, long id) {
    this.name = name;
    this.id = id;
    for (int i = 0; i < BLOCKS; i++) {
      possible.add(new HashSet<>());
      writing.add(new HashSet<>());
    }
  }

  long nextValue() {
    return ++lastValue;
  }

  void writing(int block, long value) {
    writing.get(block).add(value);
  }

  void acknowledged(int block, long value) {
    acknowledgedWrites++;
    acknowledged[block] = value;
    unknown[block] = false;
    possible.get(block).clear();
    writing.get(block).remove(value);
  }

  /** It may be there, may come, or may never. */
  void lost(int block, long value) {
    writing.get(block).remove(value);
    possible.get(block).add(value);
  }

  /** Null when that is what must be there; it must stay from now on. */
  @Nullable String read(int block, @Nullable Object content) {
    reads++;
    if (Objects.equals(acknowledged[block], content)) {
      unknown[block] = false;
      possible.get(block).clear();
      return null;
    }
    if (unknown[block] || (content != null && possible.get(block).contains(content))) {
      unknown[block] = false;
      acknowledged[block] = content;
      possible.get(block).clear();
      return null;
    }
    return "block " + block + " reads " + content + ", acknowledged is " + acknowledged[block];
  }

  /** Whether a copy that shows this misses an acknowledged write. */
  boolean misses(int block, @Nullable Object content) {
    return acknowledged[block] != null
        && !Objects.equals(acknowledged[block], content)
        && !(content != null
            && (possible.get(block).contains(content) || writing.get(block).contains(content)));
  }

  @Nullable Object acknowledged(int block) {
    return acknowledged[block];
  }

  /** The operator accepted a loss, or the documented window was hit: what is there is true. */
  void forget() {
    for (int i = 0; i < BLOCKS; i++) {
      acknowledged[i] = null;
      unknown[i] = true;
      possible.get(i).clear();
    }
  }
}

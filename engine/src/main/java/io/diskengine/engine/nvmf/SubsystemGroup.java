package io.diskengine.engine.nvmf;

import io.diskengine.engine.bdev.BdevChannel;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevIo;
import org.jspecify.annotations.Nullable;

/**
 * One subsystem's namespaces as one reactor sees them, each with this reactor's io channel (opened
 * by its first I/O). Changed by messages from the home reactor only.
 */
final class SubsystemGroup {
  private final @Nullable Entry[] entries;

  /** One namespace on one reactor. */
  static final class Entry {
    final Namespace namespace;
    final int blockShift;
    private final BdevDesc desc;
    private @Nullable BdevChannel channel;
    private int inFlight;
    private @Nullable Runnable drained;

    private Entry(Namespace namespace) {
      this.namespace = namespace;
      this.desc = namespace.desc();
      this.blockShift = namespace.blockShift();
    }

    /** Starts an I/O; {@link #completed} is owed once it ended. */
    void submit(BdevIo io) {
      BdevChannel on = channel;
      if (on == null) {
        on = desc.openChannel();
        channel = on;
      }
      inFlight++;
      desc.submit(on, io);
    }

    void completed() {
      inFlight--;
      retireWhenIdle();
    }

    void abort(BdevIo io) {
      if (channel != null) {
        channel.abort(io);
      }
    }

    private void retireWhenIdle() {
      Runnable done = drained;
      if (done != null && inFlight == 0) {
        drained = null;
        if (channel != null) {
          channel.release();
          channel = null;
        }
        done.run();
      }
    }
  }

  SubsystemGroup(int maxNamespaces) {
    entries = new Entry[maxNamespaces];
  }

  /** Null for a namespace that does not exist; the identifier comes from a host. */
  @Nullable Entry entry(int nsid) {
    return nsid > 0 && nsid <= entries.length ? entries[nsid - 1] : null;
  }

  void add(Namespace namespace) {
    entries[namespace.nsid() - 1] = new Entry(namespace);
  }

  /** No further I/O finds the namespace; {@code done} when the last one here has ended. */
  void remove(Namespace namespace, Runnable done) {
    Entry entry = entry(namespace.nsid());
    if (entry == null || entry.namespace != namespace) {
      done.run();
      return;
    }
    entries[namespace.nsid() - 1] = null;
    entry.drained = done;
    entry.retireWhenIdle();
  }
}

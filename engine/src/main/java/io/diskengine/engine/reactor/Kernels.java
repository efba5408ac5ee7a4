package io.diskengine.engine.reactor;

import io.diskengine.engine.linux.Uring;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Chooses the {@link Kernel} that this system allows. */
public final class Kernels {
  /** {@code auto}, {@code io_uring} or {@code epoll}. */
  public static final String PROPERTY = "diskengine.kernel";

  private static final Logger LOG = LoggerFactory.getLogger(Kernels.class);
  private static final AtomicBoolean FALLBACK_TOLD = new AtomicBoolean();

  private Kernels() {}

  /** Which kernel interface to use. */
  public enum Choice {
    /** io_uring where it works, else epoll. */
    AUTO,
    IO_URING,
    EPOLL;

    /** Refuses anything but the names above, in any case. */
    public static Choice parse(String name) {
      for (Choice choice : values()) {
        if (choice.name().equals(name.toUpperCase(Locale.ROOT))) {
          return choice;
        }
      }
      throw new IllegalArgumentException(
          PROPERTY + " is \"" + name + "\", expected auto, io_uring or epoll");
    }

    public static Choice fromSystemProperty() {
      return parse(System.getProperty(PROPERTY, "auto"));
    }
  }

  public static Kernel create() {
    return create(Choice.fromSystemProperty(), ReactorOptions.DEFAULT_FILE_THREADS);
  }

  /** {@code fileThreads} bounds the pool that the epoll kernel runs file operations on. */
  public static Kernel create(Choice choice, int fileThreads) {
    if (choice == Choice.EPOLL) {
      return new EpollKernel(fileThreads);
    }
    return switch (Uring.open(UringKernel.SQ_ENTRIES, UringKernel.CQ_ENTRIES)) {
      case Uring.Opened.Ready(Uring ring) -> new UringKernel(ring);
      case Uring.Opened.Refused(String reason) -> {
        if (choice == Choice.IO_URING) {
          throw new IllegalStateException(reason);
        }
        if (!FALLBACK_TOLD.getAndSet(true)) {
          LOG.atInfo().addKeyValue("reason", reason).log("epoll and threads instead of io_uring");
        }
        yield new EpollKernel(fileThreads);
      }
    };
  }

  /** Why io_uring cannot be used here; empty when it can. */
  public static Optional<String> uringRefusal() {
    return switch (Uring.open(4, 8)) {
      case Uring.Opened.Ready(Uring ring) -> {
        ring.close();
        yield Optional.empty();
      }
      case Uring.Opened.Refused(String reason) -> Optional.of(reason);
    };
  }
}

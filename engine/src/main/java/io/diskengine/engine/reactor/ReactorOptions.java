package io.diskengine.engine.reactor;

/**
 * How the reactors of a process are built.
 *
 * @param reactors threads, each with a reactor
 * @param spinNs how long a reactor polls after its last work before it sleeps
 * @param smallBuffers I/O buffers of 8 KiB, shared by the reactors
 * @param largeBuffers I/O buffers of 132 KiB, shared by the reactors
 * @param fileThreads threads for file operations per reactor, where the kernel needs them
 */
public record ReactorOptions(
    int reactors,
    long spinNs,
    int smallBuffers,
    int largeBuffers,
    Kernels.Choice kernel,
    int fileThreads) {
  public static final int DEFAULT_FILE_THREADS = 8;

  /** A reactor that spins longer than this never sleeps in practice. */
  public static final long MAX_SPIN_US = 1_000_000;

  public ReactorOptions {
    atLeast("reactors", reactors, 1);
    atLeast("spinNs", spinNs, 0);
    atLeast("smallBuffers", smallBuffers, 1);
    atLeast("largeBuffers", largeBuffers, 1);
    atLeast("fileThreads", fileThreads, 1);
  }

  /** SPDK's iobuf counts (8192 small, 1024 large) are the defaults here too. */
  public static ReactorOptions of(int reactors) {
    return new ReactorOptions(
        reactors,
        ReactorGroup.DEFAULT_SPIN_NS,
        8192,
        1024,
        Kernels.Choice.fromSystemProperty(),
        DEFAULT_FILE_THREADS);
  }

  public ReactorOptions withKernel(Kernels.Choice choice) {
    return new ReactorOptions(reactors, spinNs, smallBuffers, largeBuffers, choice, fileThreads);
  }

  /** {@code us}: how long a reactor polls after its last work before it sleeps. */
  public ReactorOptions withSpinUs(long us) {
    if (us < 0 || us > MAX_SPIN_US) {
      throw new IllegalArgumentException("--spin-us " + us + ": 0 to " + MAX_SPIN_US);
    }
    return new ReactorOptions(reactors, us * 1000, smallBuffers, largeBuffers, kernel, fileThreads);
  }

  private static void atLeast(String name, long value, long least) {
    if (value < least) {
      throw new IllegalArgumentException(name + " is " + value + ", at least " + least);
    }
  }
}

package io.diskengine.app;

import java.io.IOException;
import java.io.OutputStream;

/** Ends this process when the one that supervises it is gone, in whatever way. */
final class ParentWatch {
  static final String OPTION = "--die-with-parent";

  /** 128 + SIGKILL: what the parent's death would have been. */
  private static final int STATUS = 137;

  private ParentWatch() {}

  /** The parent holds the other end of our standard input and never writes. */
  static void start() {
    Thread.ofPlatform()
        .daemon()
        .name("parent-watch")
        .start(() -> {
          try {
            System.in.transferTo(OutputStream.nullOutputStream());
          } catch (IOException e) {
            System.err.println("standard input broke: " + e.getMessage());
          }
          Runtime.getRuntime().halt(STATUS);
        });
  }
}

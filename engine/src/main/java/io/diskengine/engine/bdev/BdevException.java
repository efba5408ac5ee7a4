package io.diskengine.engine.bdev;

/** A control-path request was refused; {@code errno} is negative, as SPDK answers it. */
public final class BdevException extends Exception {
  private static final long serialVersionUID = 1L;

  public static final int EPERM = -1;
  public static final int ENOENT = -2;
  public static final int EIO = -5;
  public static final int ENOMEM = -12;
  public static final int EBUSY = -16;
  public static final int EEXIST = -17;
  public static final int ENODEV = -19;
  public static final int EINVAL = -22;
  public static final int ENOSPC = -28;

  private final int errno;

  public BdevException(int errno, String message) {
    super(message);
    this.errno = errno;
  }

  public int errno() {
    return errno;
  }
}

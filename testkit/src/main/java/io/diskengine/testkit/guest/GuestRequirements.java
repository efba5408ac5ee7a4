package io.diskengine.testkit.guest;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The Debian packages that a guest needs on this machine, from the resource {@code
 * debian-packages}.
 */
public final class GuestRequirements {
  /** A Debian package and a program in it that shows that it is there. */
  public record Requirement(String debianPackage, String program) {
    /**
     * Where the program is, looked for on {@code PATH} and in the sbin folders, which a user's
     * {@code PATH} may lack.
     */
    public Optional<Path> path() {
      return Stream.concat(
              Arrays.stream(System.getenv().getOrDefault("PATH", "").split(":")),
              Stream.of("/usr/sbin", "/sbin", "/usr/bin", "/bin"))
          .filter(folder -> !folder.isEmpty())
          .map(folder -> Path.of(folder, program))
          .filter(Files::isExecutable)
          .findFirst();
    }
  }

  private GuestRequirements() {}

  public static List<Requirement> all() {
    return resource("debian-packages")
        .lines()
        .map(line -> line.split(" "))
        .map(fields -> new Requirement(fields[0], fields[1]))
        .toList();
  }

  public static List<Requirement> missing() {
    return all().stream().filter(requirement -> requirement.path().isEmpty()).toList();
  }

  /** The one command that installs {@code requirements}. */
  public static String installCommand(List<Requirement> requirements) {
    return "apt-get install -y --no-install-recommends "
        + String.join(" ", requirements.stream().map(Requirement::debianPackage).toList());
  }

  /**
   * Throws {@link GuestUnavailableException} when something is missing: such a test does not pass.
   */
  public static void require() {
    String arch = System.getProperty("os.arch");
    if (!arch.equals("amd64")) {
      throw new GuestUnavailableException(
          "guests are built for amd64 only, this machine is " + arch);
    }
    List<Requirement> missing = missing();
    if (!missing.isEmpty()) {
      throw new GuestUnavailableException(
          "no guest without "
              + String.join(", ", missing.stream().map(Requirement::program).toList())
              + "; install with: "
              + installCommand(missing));
    }
  }

  static String resource(String name) {
    try (InputStream in = GuestRequirements.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("no resource " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

package io.diskengine.testkit.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.testkit.guest.GuestRequirements.Requirement;
import java.util.List;
import org.junit.jupiter.api.Test;

class GuestRequirementsTest {
  @Test
  void everyRequirementNamesAPackageAndAProgram() {
    assertThat(GuestRequirements.all())
        .contains(new Requirement("qemu-system-x86", "qemu-system-x86_64"))
        .allSatisfy(r -> assertThat(r.debianPackage() + r.program()).matches("[a-z0-9._-]+"));
  }

  @Test
  void oneCommandInstallsWhatIsMissing() {
    Requirement absent = new Requirement("some-package", "a-program-that-nobody-has");
    assertThat(absent.path()).isEmpty();
    assertThat(GuestRequirements.installCommand(List.of(absent, new Requirement("fio", "fio"))))
        .isEqualTo("apt-get install -y --no-install-recommends some-package fio");
  }
}

// What runs in the browser: Splunk's schema and Splunk's renderer.
import React from 'react';
import { createRoot } from 'react-dom/client';
import DashboardCore from '@splunk/dashboard-core';
import { DashboardContextProvider } from '@splunk/dashboard-context';
import { createSchemaBasedOnPresets } from '@splunk/dashboard-definition';
import { DashboardValidator } from '@splunk/dashboard-validation';
import EnterprisePreset from '@splunk/dashboard-presets/EnterprisePreset';
import ViewOnlyPreset from '@splunk/dashboard-presets/EnterpriseViewOnlyPreset';
import SplunkThemeProvider from '@splunk/themes/SplunkThemeProvider';

window.validate = (definition) => {
  const validator = new DashboardValidator();
  const wrong = validator.setSchema(createSchemaBasedOnPresets(EnterprisePreset));
  return wrong ? [String(wrong)] : validator.validate(definition);
};

window.draw = (definition) => createRoot(document.getElementById('root')).render(
  <SplunkThemeProvider family="enterprise" colorScheme="light" density="comfortable">
    <DashboardContextProvider preset={ViewOnlyPreset} initialDefinition={definition} featureFlags={{}}>
      <DashboardCore width="100%" height="100%" />
    </DashboardContextProvider>
  </SplunkThemeProvider>
);
